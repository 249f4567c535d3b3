// Whether the balances are what the journal says: each account worked out anew from its entries alone, and compared. Both are read
// in one snapshot and nothing is locked, so that nobody who lends waits for it, however long the journal is; it is read in pages.
// It changes nothing; a difference is a bug or a hand in the database, and is told.

import { balancesOf, Replay, type Balances } from "@tollgate/kernel/lending/journal";
import type { Database, Sql } from "../database.ts";
import { entryOf, readAccount, type JournalCells } from "./rows.ts";

export type Difference = { readonly account: string; readonly stored: Balances; readonly journal: Balances };

/** How far the journal of an account was read, and what it came to. */
type Reached = { readonly id: bigint; readonly replay: Replay };
/** Of long journals that were right: what was read once is not read by each comparison of a process. */
export type Compared = Map<string, Reached>;

const accountsPerPage = 1_000;
const entriesPerPage = 5_000;

type Comparing = Pick<Database, "sql" | "transaction">;

export async function compareAll(database: Comparing, compared: Compared = new Map()): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    const names = await namesAfter(database.sql, after);
    for (const name of names) {
      const difference = await compare(database, name, compared);
      if (difference !== undefined) differences.push(difference);
    }
    after = names.length < accountsPerPage ? undefined : names.at(-1);
  }
  return differences;
}

async function namesAfter(sql: Sql, after: string): Promise<string[]> {
  const rows = await sql.query<{ account: string }>(
    "SELECT account FROM ledger.account WHERE account > $1 ORDER BY account LIMIT $2",
    [after, accountsPerPage],
  );
  return rows.map(({ account }) => account);
}

async function compare(database: Comparing, name: string, compared: Compared): Promise<Difference | undefined> {
  const from = compared.get(name);
  // It is taken up again only from where all was right.
  compared.delete(name);
  return database.transaction(
    async (sql) => {
      const account = await readAccount(sql, name);
      if (account === undefined) return undefined;
      // Of a table that was not analysed yet PostgreSQL would sort all that is left for each page.
      await sql.query("SET LOCAL enable_sort = off");
      const replay = from?.replay ?? new Replay(account.state.kind);
      const { last, isLong } = await readOn(sql, name, from?.id ?? 0n, replay);
      const [stored, journal] = [balancesOf(account.state), replay.balances()];
      if (!isSame(stored, journal)) return { account: name, stored, journal };
      if (isLong || from !== undefined) compared.set(name, { id: last, replay });
      return undefined;
    },
    { isolation: "repeatable read" },
  );
}

/** Entries of an account are numbered under its lock, so that none comes later before one that was read. */
async function readOn(
  sql: Sql,
  name: string,
  after: bigint,
  replay: Replay,
): Promise<{ last: bigint; isLong: boolean }> {
  let last = after;
  for (let pages = 1; ; pages += 1) {
    const rows = await sql.query<JournalCells & { id: bigint }>(
      `SELECT id, lease, what, revision, settled, open, unspent, amount FROM ledger.journal
       WHERE account = $1 AND id > $2 ORDER BY id LIMIT $3`,
      [name, last, entriesPerPage],
    );
    for (const row of rows) replay.add({ lease: row.lease, entry: entryOf(row) });
    last = rows.at(-1)?.id ?? last;
    if (rows.length < entriesPerPage) return { last, isLong: pages > 1 };
  }
}

function isSame(a: Balances, b: Balances): boolean {
  const fields = ["limit", "ended", "unreserved", "counted", "settled", "returning"] as const;
  return fields.every((field) => a[field] === b[field]);
}
