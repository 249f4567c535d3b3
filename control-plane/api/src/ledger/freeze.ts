// The ledger after a restore from a backup. What was lent since the backup is not in it, so in a new incarnation it lends nothing
// until every proxy has restated all that was lent to it. Of one that never will, nobody knows what it had: to write it off
// then presumes that all that was left of each account was lent to it.

import { TollgateError } from "@tollgate/kernel/errors";
import { presumeSpent, setLimit, writeOff } from "@tollgate/kernel/lending/account";
import type { Database, Sql } from "../database.ts";
import { openMissing } from "./open-accounts.ts";
import { addToJournal, leaseText, lockAccounts, readOpenLeases, saveAccount, saveLeases } from "./rows.ts";
import { readSubjects } from "./subjects.ts";

export type LedgerState = {
  readonly incarnation: number;
  readonly isFrozen: boolean;
  /** After a restore: what the ledger was told before this is in the backup. */
  readonly knownUntilMs: bigint | null;
};

const columns = `incarnation, is_frozen AS "isFrozen", (extract(epoch FROM known_until) * 1000)::bigint AS "knownUntilMs"`;

/**
 * Once at the start of a process. Where there is nothing that could be lent, nothing has to be restated. What was written last
 * is from before the backup: nothing is written after a restore before the incarnation is raised. A backup that was taken while
 * not everybody had restated knows no more than the one before it.
 */
export async function raiseLedgerIncarnation(sql: Sql): Promise<LedgerState> {
  const [row] = await sql.query<LedgerState>(
    `INSERT INTO ledger.state AS state (incarnation, is_frozen) SELECT incarnation, false FROM log.head
     ON CONFLICT (singleton) DO UPDATE SET
       is_frozen = state.is_frozen OR (state.incarnation < excluded.incarnation AND (EXISTS (SELECT FROM ledger.account)
         OR EXISTS (SELECT FROM log.name WHERE stream LIKE 'budget/%' OR stream LIKE 'limit/%'))),
       known_until = CASE WHEN state.incarnation < excluded.incarnation AND NOT state.is_frozen THEN greatest(
         (SELECT at FROM ledger.journal ORDER BY id DESC LIMIT 1), (SELECT max(heard_at) FROM fleet.holder)
       ) ELSE state.known_until END,
       incarnation = greatest(state.incarnation, excluded.incarnation)
     RETURNING ${columns}`,
  );
  if (row === undefined) throw new Error("an upsert returned no row");
  return row;
}

export async function ledgerState(sql: Sql): Promise<LedgerState> {
  const [row] = await sql.query<LedgerState>(`SELECT ${columns} FROM ledger.state`);
  return row ?? raiseLedgerIncarnation(sql);
}

/** The proxy has said everything; if it was the last of those that there are, the ledger lends again. */
export async function restated(sql: Sql, proxyId: string, incarnation: number): Promise<void> {
  await sql.query("INSERT INTO ledger.restated (proxy_id, incarnation) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    proxyId,
    incarnation,
  ]);
  await sql.query("UPDATE ledger.state SET is_frozen = false WHERE is_frozen AND incarnation = $1 AND $2 = 0", [
    incarnation,
    (await missing(sql, incarnation)).length,
  ]);
}

/** Who may have been lent something and has not restated it: those enrolled, and those that something was lent to. */
export async function missing(sql: Sql, incarnation: number): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT id FROM (
       SELECT id FROM enrolled_proxies_v1.resource WHERE is_live UNION SELECT proxy_id FROM ledger.lease WHERE NOT is_closed
     ) AS known WHERE id NOT IN (SELECT proxy_id FROM ledger.restated WHERE incarnation = $1) ORDER BY id`,
    [incarnation],
  );
  return rows.map(({ id }) => id);
}

export type WrittenOff = { readonly leases: number; readonly nanoUsd: bigint };

/** All that is lent to a proxy counts as spent from now on. */
export async function writeOffProxy(
  database: Pick<Database, "transaction">,
  proxyId: string,
  reason: string,
): Promise<WrittenOff> {
  return database.transaction(async (sql) => {
    const { incarnation, isFrozen } = await ledgerState(sql);
    const leases = await readOpenLeases(sql, proxyId);
    const wasRestated = !isFrozen || !(await missing(sql, incarnation)).includes(proxyId);
    const [clock] = await sql.query<{ now: bigint }>(
      "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now",
    );
    const nowMs = Number(clock?.now ?? 0n);
    if (!wasRestated) await openAll(sql, nowMs);
    const names = wasRestated
      ? [...new Set(leases.map(({ account }) => account))].sort()
      : (await sql.query<{ account: string }>("SELECT account FROM ledger.account ORDER BY account")).map(
          (row) => row.account,
        );
    const accounts = await lockAccounts(sql, names);
    let nanoUsd = 0n;
    // Read again under the locks: what a holder said meanwhile counts.
    const open = await readOpenLeases(sql, proxyId);
    for (const lease of open) {
      const account = accounts.get(lease.account);
      if (account === undefined) throw new TollgateError("ledger.busy");
      const done = writeOff(account.state, lease.state, nowMs);
      accounts.set(lease.account, { ...account, state: done.account });
      if (account.state.kind === "money") nanoUsd += lease.state.open + lease.state.unspent;
      await saveLeases(sql, [{ ...lease, state: done.lease }]);
      const text = leaseText(lease);
      await addToJournal(
        sql,
        done.entries.map((entry) => ({ account: lease.account, lease: text, entry, reason })),
      );
    }
    for (const account of accounts.values()) {
      const presumed = wasRestated ? { account: account.state, entries: [] } : presumeSpent(account.state, nowMs);
      await saveAccount(sql, { ...account, state: presumed.account });
      const { account: name } = account;
      await addToJournal(
        sql,
        presumed.entries.map((entry) => ({ account: name, lease: "", entry, reason })),
      );
    }
    await restated(sql, proxyId, incarnation);
    return { leases: open.length, nanoUsd };
  });
}

/** All that may be lent from now: of an account that was opened after the backup nothing is there. */
async function openAll(sql: Sql, nowMs: number): Promise<void> {
  const rows = await sql.query<{ subject: string }>(
    `SELECT 'budget/' || id AS subject FROM budgets_v1.resource WHERE is_live
     UNION ALL SELECT 'exposure/' || id FROM budgets_v1.resource WHERE is_live
     UNION ALL SELECT 'limit/' || id FROM limits_v1.resource WHERE is_live
     UNION ALL SELECT 'policy/' || id FROM policies_v1.resource WHERE is_live`,
  );
  const subjects = await readSubjects(
    sql,
    rows.map(({ subject }) => subject),
    nowMs,
  );
  await addToJournal(sql, await openMissing(sql, [...subjects.values()]));
  for (const { account, limit } of subjects.values()) {
    const stored = (await lockAccounts(sql, [account])).get(account);
    if (stored === undefined) continue;
    const { account: state, entries } = setLimit(stored.state, limit);
    await saveAccount(sql, { ...stored, state });
    await addToJournal(
      sql,
      entries.map((entry) => ({ account, lease: "", entry, reason: "" })),
    );
  }
}
