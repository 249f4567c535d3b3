// What the rest of the control plane takes for granted of its database.

import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { isConnectionFailure, openDatabase, type Database } from "./database.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("database");
  database = await openDatabase({ url: own.url });
  await database.sql.query("CREATE TABLE item (id bigint PRIMARY KEY)");
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

test("processes that start at once migrate one after the other", async () => {
  await using fresh = await createDatabase("database-migrations");
  const opened = await Promise.all(Array.from({ length: 4 }, () => openDatabase({ url: fresh.url })));
  for (const one of opened) expect(await one.sql.query("SELECT position FROM log.head")).toEqual([{ position: 0n }]);
  await Promise.all(opened.map((one) => one.close()));
});

test("64-bit columns are bigint, alone and in arrays, in both directions and beyond 2^53", async () => {
  const large = 9_007_199_254_740_993n;
  expect(
    await database.sql.query("SELECT $1::int8 AS one, ARRAY[$1::int8, 2] AS many, '{}'::int8[] AS none", [large]),
  ).toEqual([{ one: large, many: [large, 2n], none: [] }]);
});

test("a transaction is rolled back when it throws, and its connection serves the next", async () => {
  const thrown = database.transaction(async (sql) => {
    await sql.query("INSERT INTO item VALUES (1)");
    throw new Error("no");
  });
  await expect(thrown).rejects.toThrow("no");
  expect(await database.sql.query("SELECT * FROM item")).toEqual([]);
});

test("a transaction in which a failed statement was ignored does not answer as if it had been committed", async () => {
  const ignored = database.transaction(async (sql) => {
    await sql.query("INSERT INTO item VALUES (2)");
    await sql.query("SELECT 1/0").catch(() => undefined);
  });
  await expect(ignored).rejects.toThrow("rolled back");
  expect(await database.sql.query("SELECT * FROM item")).toEqual([]);
});

test("a connection that is killed in a transaction is a failure of that transaction, told as one of the connection", async () => {
  const killed = database.transaction(async (sql) => {
    await sql.query("INSERT INTO item VALUES (3)");
    await sql.query("SELECT pg_terminate_backend(pg_backend_pid())");
  });
  const error = await killed.catch((reason: unknown) => reason);
  expect(isConnectionFailure(error)).toBe(true);
  expect(isConnectionFailure(await database.sql.query("SELECT 1/0").catch((reason: unknown) => reason))).toBe(false);
  expect(await database.sql.query("SELECT * FROM item")).toEqual([]);
});

test("an exclusive of one name runs alone, and its end lets the next in, also when it fails", async () => {
  let [inside, most] = [0, 0];
  const visit = async (fails: boolean): Promise<void> => {
    most = Math.max(most, ++inside);
    await database.sql.query("SELECT 1");
    inside--;
    if (fails) throw new Error("failed inside");
  };
  const done = await Promise.allSettled([1, 2, 3, 4].map((n) => database.exclusive("x", () => visit(n % 2 === 0))));
  expect(most).toBe(1);
  expect(done.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
});
