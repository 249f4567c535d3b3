// Opens accounts that are lent from for the first time: with what was spent in their scope already.

import { openAccount, setLimit } from "@tollgate/kernel/lending/account";
import type { Sql } from "../database.ts";
import { addToJournal, lockAccounts, saveAccount, type JournalRow, type StoredAccount } from "./rows.ts";
import type { Subject } from "./subjects.ts";
import { lockToOpen, openingBalance, scopeOfSubject } from "./unreserved.ts";

/** Answers what belongs into the journal. In the order of their names, as all rows of accounts are locked. */
export async function openMissing(sql: Sql, subjects: readonly Subject[]): Promise<JournalRow[]> {
  if (subjects.length === 0) return [];
  const rows = await sql.query<{ account: string }>(
    `SELECT asked.account FROM unnest($1::text[]) AS asked (account)
     WHERE NOT EXISTS (SELECT FROM ledger.account AS known WHERE known.account = asked.account)
     ORDER BY asked.account COLLATE "C"`,
    [subjects.map(({ account }) => account)],
  );
  const byName = new Map(subjects.map((subject) => [subject.account, subject]));
  const missing = rows.flatMap(({ account }) => byName.get(account) ?? []);
  await lockToOpen(sql, missing);
  const journal: JournalRow[] = [];
  for (const subject of missing) journal.push(...(await open(sql, subject)));
  return journal;
}

/**
 * Also those of which nothing is asked for yet. Who calls holds their subjects, and is answered the accounts as they are now,
 * locked: these, or all that there are.
 */
export async function openWithLimits(
  sql: Sql,
  subjects: readonly Subject[],
  locked: "these" | "all" = "these",
): Promise<ReadonlyMap<string, StoredAccount>> {
  const journal = await openMissing(sql, subjects);
  const names = subjects.map(({ account }) => account);
  const accounts = await lockAccounts(sql, locked === "all" ? "all" : names);
  for (const { account, limit } of subjects) {
    const stored = accounts.get(account);
    if (stored === undefined || stored.state.limit === limit) continue;
    const { account: state, entries } = setLimit(stored.state, limit);
    const limited = { ...stored, state };
    accounts.set(account, limited);
    await saveAccount(sql, limited);
    journal.push(...entries.map((entry) => ({ account, lease: "", entry, reason: "" })));
  }
  await addToJournal(sql, journal);
  return accounts;
}

/** Two may open it at once: one of them waits for the other's row, and opens nothing. */
async function open(sql: Sql, subject: Subject): Promise<JournalRow[]> {
  const { account, kind, windowMs, beginsMs, endsMs } = subject;
  const opened = await sql.query(
    `INSERT INTO ledger.account (account, subject, kind, begins_at, ends_at, scope, window_ms, limit_amount, ended, unreserved,
       counted, settled, holders, returning_at, returning_amount, short_until_ms)
     VALUES ($1, $2, $3, to_timestamp($4::float8 / 1000), to_timestamp($5::float8 / 1000), $6, $7, 0, 0, 0, 0, 0, 0, '{}',
       '{}', 0) ON CONFLICT DO NOTHING RETURNING 1`,
    [account, subjectOf(account), kind, beginsMs ?? null, endsMs ?? null, scopeOfSubject(subject), windowMs],
  );
  if (opened.length === 0) return [];
  const { account: state, entries } = await openingBalance(sql, openAccount(kind, 0n, windowMs), subject);
  await saveAccount(sql, { account, subject: subjectOf(account), beginsMs, endsMs, state });
  return entries.map((entry) => ({ account, lease: "", entry, reason: "" }));
}

/** `budget/<id>/<edition>/<period>` is of `budget/<id>`. */
function subjectOf(account: string): string {
  return account.split("/").slice(0, 2).join("/");
}
