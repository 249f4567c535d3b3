// The ledger after a restore from a backup. What was lent since the backup is not in it, so in a new incarnation it lends nothing
// until every proxy has restated all that was lent to it, or was written off (`write-off.ts`).

import type { Sql } from "../database.ts";

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
         OR EXISTS (SELECT FROM log.name WHERE stream LIKE ANY ('{budget/%,limit/%,policy/%}')))),
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
