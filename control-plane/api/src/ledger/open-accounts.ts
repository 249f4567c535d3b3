// Opens accounts that are lent from for the first time: with what was spent in their scope already.

import { openAccount, setLimit } from "@tollgate/kernel/lending/account";
import type { Sql } from "../database.ts";
import { addToJournal, lockAccounts, saveAccount, type JournalRow } from "./rows.ts";
import type { Subject } from "./subjects.ts";
import { openingBalance, scopeOfSubject } from "./unreserved.ts";

/** Answers what belongs into the journal. */
export async function openMissing(sql: Sql, subjects: readonly Subject[]): Promise<JournalRow[]> {
  if (subjects.length === 0) return [];
  const rows = await sql.query<{ account: string }>(
    "SELECT account FROM unnest($1::text[]) AS account WHERE account NOT IN (SELECT account FROM ledger.account)",
    [subjects.map(({ account }) => account)],
  );
  const missing = new Set(rows.map(({ account }) => account));
  const journal: JournalRow[] = [];
  for (const subject of subjects) if (missing.has(subject.account)) journal.push(...(await open(sql, subject)));
  return journal;
}

/** Also those of which nothing is asked for yet. Who calls holds their subjects. */
export async function openWithLimits(sql: Sql, subjects: readonly Subject[]): Promise<void> {
  const journal = await openMissing(sql, subjects);
  const accounts = await lockAccounts(
    sql,
    subjects.map(({ account }) => account),
  );
  for (const { account, limit } of subjects) {
    const stored = accounts.get(account);
    if (stored === undefined || stored.state.limit === limit) continue;
    const { account: state, entries } = setLimit(stored.state, limit);
    await saveAccount(sql, { ...stored, state });
    journal.push(...entries.map((entry) => ({ account, lease: "", entry, reason: "" })));
  }
  await addToJournal(sql, journal);
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
