// Whether the balances are what the journal says: each account worked out anew from its entries alone, under its lock, and
// compared. It changes nothing; a difference is a bug or a hand in the database, and is told.

import { balancesOf, replay, type Balances } from "@tollgate/kernel/lending/journal";
import type { Database } from "../database.ts";
import { entryOf, lockAccounts, type JournalCells } from "./rows.ts";

export type Difference = { readonly account: string; readonly stored: Balances; readonly journal: Balances };

export async function compareAll(database: Pick<Database, "sql" | "transaction">): Promise<Difference[]> {
  const rows = await database.sql.query<{ account: string }>("SELECT account FROM ledger.account ORDER BY account");
  const differences: Difference[] = [];
  for (const { account } of rows) {
    const difference = await compare(database, account);
    if (difference !== undefined) differences.push(difference);
  }
  return differences;
}

async function compare(database: Pick<Database, "transaction">, name: string): Promise<Difference | undefined> {
  return database.transaction(async (sql) => {
    const account = (await lockAccounts(sql, [name])).get(name);
    if (account === undefined) return undefined;
    const rows = await sql.query<JournalCells>(
      `SELECT lease, what, revision, settled, open, unspent, amount FROM ledger.journal WHERE account = $1 ORDER BY id`,
      [name],
    );
    const journal = replay(
      account.state.kind,
      rows.map((row) => ({ lease: row.lease, entry: entryOf(row) })),
    );
    const stored = balancesOf(account.state);
    return isSame(stored, journal) ? undefined : { account: name, stored, journal };
  });
}

function isSame(a: Balances, b: Balances): boolean {
  const fields = ["limit", "ended", "unreserved", "counted", "settled", "returning"] as const;
  return fields.every((field) => a[field] === b[field]);
}
