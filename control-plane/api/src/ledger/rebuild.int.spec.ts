// The comparison of balances with the journal, on a real PostgreSQL: nobody waits for it, and of what it has read already it reads
// on. A comparison that stopped lending each hour, or looked past a difference, would be worse than none.

import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database, type Sql } from "../database.ts";
import { lend, newBudget, say } from "./lending.fixture.ts";
import { compareAll, type Compared } from "./rebuild.ts";
import { readOverspend } from "./usage.ts";

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await createDatabase("rebuild");
  database = await openDatabase({ url: server.url });
});
afterAll(async () => {
  await database?.close();
  await server?.drop();
});

type Reading = Pick<Database, "sql" | "transaction">;

/** Counts the entries that are read, and calls `between` when the first of them are. */
function watched(between: () => Promise<unknown> = () => Promise.resolve()) {
  let entries = 0;
  const watching = (sql: Sql): Sql => ({
    async query<Row>(text: string, values?: readonly unknown[]) {
      const rows = await sql.query<Row>(text, values);
      if (!text.includes("ledger.journal")) return rows;
      if (entries === 0) await between();
      entries += rows.length;
      return rows;
    },
  });
  const reading: Reading = {
    sql: database.sql,
    transaction: (fn, options) => database.transaction((sql) => fn(watching(sql)), options),
  };
  return { reading, entries: () => entries };
}

/** Of a budget of which 10 are lent, with so many statements more. */
async function longJournal(entries: number): Promise<string> {
  const id = await newBudget(database, {});
  const { account = "" } = await lend(database, "p1", id, 10n, { epoch: BigInt((epochs += 1)) });
  await database.sql.query(
    `INSERT INTO ledger.journal (account, lease, what, revision, settled, open, unspent, amount, reason)
     SELECT $1, 'p1/' || $3 || '/1', 'stated', n + 1, 0, 0, 10, 0, '' FROM generate_series(1, $2::int) AS n`,
    [account, entries, String(epochs)],
  );
  return id;
}
let epochs = 0;

test("while a long journal is read, its account is lent from, and both are compared as they were", async () => {
  const id = await longJournal(12_000);
  const { reading, entries } = watched(() => lend(database, "p2", id, 1n));
  expect(await compareAll(reading)).toEqual([]);
  // With what opened it; what came meanwhile is not of the snapshot.
  expect(entries()).toBe(12_003);
  expect(await compareAll(database)).toEqual([]);
});

test("what was read and was right is not read again, and a difference is found all the same, each time", async () => {
  const id = await longJournal(6_000);
  const compared: Compared = new Map();
  expect(await compareAll(database, compared)).toEqual([]);
  await lend(database, "p3", id, 7n);
  const again = watched();
  expect(await compareAll(again.reading, compared)).toEqual([]);
  expect(again.entries()).toBeLessThan(10);

  await database.sql.query("UPDATE ledger.account SET counted = counted + 1 WHERE subject = $1", [`budget/${id}`]);
  const one = [
    { account: expect.stringContaining(`budget/${id}/`), stored: { counted: 18n }, journal: { counted: 17n } },
  ];
  for (let times = 0; times < 2; times += 1) expect(await compareAll(database, compared)).toMatchObject(one);
  await database.sql.query("UPDATE ledger.account SET counted = counted - 1 WHERE subject = $1", [`budget/${id}`]);
  expect(await compareAll(database, compared)).toEqual([]);
});

test("what was overspent is what is above the most that limit and exposure ever were", async () => {
  const before = await readOverspend(database.sql);
  const id = await newBudget(database, { exposureMaxNanoUsd: 50n });
  const draw = { number: 1, asked: 1n, wanted: 1n };
  await say(database, "p4", { subject: `exposure/${id}`, lease: 2, draw });
  await lend(database, "p4", id, 900n);
  const subject = `budget/${id}`;
  await say(database, "p4", { subject, revision: 2n, draws: 1, settled: 1_050n });
  expect((await readOverspend(database.sql)) - before).toBe(0n);
  await say(database, "p4", { subject, revision: 3n, draws: 1, settled: 1_053n });
  expect((await readOverspend(database.sql)) - before).toBe(3n);
});
