// A proxy written off, in the books: all that it was lent counts as spent. After a restore nobody knows what it was lent since
// the backup; of one that has not restated it is presumed that all that was left of each account was. What it comes to is
// worked out under the locks of the accounts, and written when the decision is made, in the same transaction.

import { TollgateError } from "@tollgate/kernel/errors";
import { presumeSpent, writeOff } from "@tollgate/kernel/lending/account";
import type { Sql } from "../database.ts";
import { ledgerState, missing, restated } from "./freeze.ts";
import { connectedSeconds } from "./holdings.ts";
import { lockToLend } from "./lent-lock.ts";
import { openWithLimits } from "./open-accounts.ts";
import {
  addToJournal,
  leaseText,
  lockAccounts,
  readOpenLeases,
  saveAccount,
  saveLeases,
  type JournalRow,
  type StoredAccount,
  type StoredLease,
} from "./rows.ts";
import { readSubjects } from "./subjects.ts";
import type { Known, Losses } from "./write-off.decider.ts";

export type Plan = Losses & {
  /** Later in the transaction that made the plan. */
  carryOut(reason: string): Promise<void>;
};

export async function knownOf(sql: Sql, proxyId: string): Promise<Known> {
  const [row] = await sql.query<{ isKnown: boolean; heardAt: Date | null; openLeases: bigint }>(
    `SELECT EXISTS (SELECT FROM enrolled_proxies_v1.resource WHERE id = $1)
         OR EXISTS (SELECT FROM ledger.lease WHERE proxy_id = $1)
         OR EXISTS (SELECT FROM fleet.holder WHERE proxy_id = $1) AS "isKnown",
       (SELECT heard_at FROM fleet.holder WHERE proxy_id = $1 AND heard_at > now() - make_interval(secs => $2)) AS "heardAt",
       (SELECT count(*) FROM ledger.lease WHERE proxy_id = $1 AND NOT is_closed) AS "openLeases"`,
    [proxyId, connectedSeconds],
  );
  const { incarnation, isFrozen } = await ledgerState(sql);
  return {
    isKnown: row?.isKnown === true,
    connectedMs: row?.heardAt?.getTime(),
    openLeases: Number(row?.openLeases ?? 0n),
    isMissing: isFrozen && (await missing(sql, incarnation)).includes(proxyId),
  };
}

export async function planWriteOff(sql: Sql, proxyId: string, { isMissing }: Pick<Known, "isMissing">): Promise<Plan> {
  const books = isMissing ? await openAll(sql) : await openLent(sql, proxyId);
  // Read under the locks: what a holder said meanwhile counts.
  for (const lease of await readOpenLeases(sql, proxyId)) books.close(lease);
  if (isMissing) books.presume();
  return {
    ...{ leases: books.leases.length, nanoUsd: books.nanoUsd, presumedNanoUsd: books.presumedNanoUsd },
    async carryOut(reason) {
      for (const account of books.changed()) await saveAccount(sql, account);
      await saveLeases(sql, books.leases);
      await addToJournal(
        sql,
        books.journal.map((row) => ({ ...row, reason })),
      );
      await restated(sql, proxyId, (await ledgerState(sql)).incarnation);
    },
  };
}

/** The accounts of a write-off, and what becomes of them. */
class Books {
  readonly leases: StoredLease[] = [];
  readonly journal: JournalRow[] = [];
  nanoUsd = 0n;
  presumedNanoUsd = 0n;
  private readonly before: ReadonlyMap<string, StoredAccount>;
  private readonly after: Map<string, StoredAccount>;
  private readonly nowMs: number;

  constructor(accounts: ReadonlyMap<string, StoredAccount>, nowMs: number) {
    this.before = accounts;
    this.after = new Map(accounts);
    this.nowMs = nowMs;
  }

  close(lease: StoredLease): void {
    const account = this.after.get(lease.account);
    // Lent of an account that was not locked yet: it has to be looked at again.
    if (account === undefined) throw new TollgateError("ledger.busy");
    const done = writeOff(account.state, lease.state, this.nowMs);
    this.after.set(lease.account, { ...account, state: done.account });
    this.leases.push({ ...lease, state: done.lease });
    if (isMoney(account)) this.nanoUsd += lease.state.open + lease.state.unspent;
    const text = leaseText(lease);
    for (const entry of done.entries) this.journal.push({ account: lease.account, lease: text, entry, reason: "" });
  }

  presume(): void {
    for (const [name, account] of this.after) {
      const done = presumeSpent(account.state, this.nowMs);
      this.after.set(name, { ...account, state: done.account });
      for (const entry of done.entries) {
        this.journal.push({ account: name, lease: "", entry, reason: "" });
        const isPast = (account.endsMs ?? Infinity) <= this.nowMs;
        if (entry.what === "presumed" && isMoney(account) && !isPast) this.presumedNanoUsd += entry.amount;
      }
    }
  }

  changed(): StoredAccount[] {
    return [...this.after.values()].filter(({ account, state }) => state !== this.before.get(account)?.state);
  }
}

function isMoney({ subject }: StoredAccount): boolean {
  return subject.startsWith("budget/");
}

async function openLent(sql: Sql, proxyId: string): Promise<Books> {
  const nowMs = await lockToLend(sql, []);
  const names = (await readOpenLeases(sql, proxyId)).map(({ account }) => account);
  return new Books(await lockAccounts(sql, [...new Set(names)]), nowMs);
}

/** All accounts, and all that may be lent from now: of one that was opened after the backup nothing is there. */
async function openAll(sql: Sql): Promise<Books> {
  const rows = await sql.query<{ subject: string }>(
    `SELECT 'budget/' || id AS subject FROM budgets_v1.resource WHERE is_live
     UNION ALL SELECT 'exposure/' || id FROM budgets_v1.resource WHERE is_live
     UNION ALL SELECT 'limit/' || id FROM limits_v1.resource WHERE is_live
     UNION ALL SELECT 'policy/' || id FROM policies_v1.resource WHERE is_live`,
  );
  const named = rows.map(({ subject }) => subject);
  const nowMs = await lockToLend(sql, named);
  const subjects = await readSubjects(sql, named, nowMs);
  return new Books(await openWithLimits(sql, [...subjects.values()], "all"), nowMs);
}
