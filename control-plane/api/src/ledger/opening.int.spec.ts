// A period begins: everybody opens the same accounts at once, on a real PostgreSQL. Whoever of them waited for another who waits for
// him would be refused, and with him all that one proxy had to say.

import { create } from "@bufbuild/protobuf";
import { LeaseStatementSchema } from "@tollgate/schema/ledger";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { until } from "../../../../test/support/wait.ts";
import { openDatabase, type Database } from "../database.ts";
import { modelFact, storeFacts } from "../usage/batch.fixture.ts";
import { exchangeAll } from "./exchange.ts";
import { newBudget, newId } from "./lending.fixture.ts";
import { lockToChange, lockToLend } from "./lent-lock.ts";
import { openWithLimits } from "./open-accounts.ts";
import { compareAll } from "./rebuild.ts";
import { readAccounts } from "./rows.ts";
import { readSubjects } from "./subjects.ts";

let server: TestDatabase;
let database: Database;
/** Another process of the control plane. */
let other: Database;

beforeAll(async () => {
  server = await createDatabase("opening");
  database = await openDatabase({ url: server.url });
  other = await openDatabase({ url: server.url });
});
afterAll(async () => {
  await other?.close();
  await database?.close();
  await server?.drop();
});

type Failing = Pick<Database, "transaction"> & { readonly failures: unknown[] };

/** Keeps what went wrong, also where it is done again. */
function watched(of: Database): Failing {
  const failures: unknown[] = [];
  return {
    failures,
    transaction: (fn, options) =>
      of.transaction(fn, options).catch((error: unknown) => {
        failures.push(error);
        throw error;
      }),
  };
}

const drawn = (epoch: bigint, ids: readonly string[]) =>
  ids.map((id, at) =>
    create(LeaseStatementSchema, {
      ...{ epoch, lease: at + 1, subject: `budget/${id}`, revision: 1n },
      draw: { number: 1, asked: 1n, wanted: 1n },
    }),
  );

async function openAll(from: Pick<Database, "transaction">, ids: readonly string[]): Promise<void> {
  const named = ids.map((id) => `budget/${id}`);
  await from.transaction(async (sql) => {
    const subjects = await readSubjects(sql, named, await lockToLend(sql, named));
    await openWithLimits(sql, [...subjects.values()]);
  });
}

test("many who open many accounts at once, each in an order of his own, never wait for each other in a ring", async () => {
  for (let round = 0; round < 4; round += 1) {
    const keyId = newId();
    const ids: string[] = [];
    for (let n = 0; n < 12; n += 1) ids.push(await newBudget(database, { scope: { kind: "key", id: keyId } }));
    const turned = ids.toReversed();
    const from = [watched(database), watched(other), watched(database), watched(other)] as const;
    await Promise.all([
      exchangeAll(from[0], "p1", drawn(BigInt(round + 1), ids), false),
      exchangeAll(from[1], "p2", drawn(BigInt(round + 1), turned), false),
      openAll(from[2], turned),
      openAll(from[3], ids),
      storeFacts(database, Date.now(), [modelFact(7n, { keyId })]),
      storeFacts(other, Date.now(), [modelFact(5n, { keyId })]),
    ]);
    expect(from.flatMap(({ failures }) => failures)).toEqual([]);
    const accounts = await readAccounts(
      database.sql,
      ids.map((id) => `budget/${id}`),
    );
    expect(accounts.map(({ state }) => [state.unreserved, state.counted])).toEqual(ids.map(() => [12n, 2n]));
  }
  expect(await compareAll(database)).toEqual([]);
});

test("an exchange that PostgreSQL chose to end a deadlock is done again, and lends once", async () => {
  const id = await newBudget(database, {});
  let times = 0;
  const losing: Pick<Database, "transaction"> = {
    transaction: (fn) =>
      database.transaction(async (sql) => {
        const done = await fn(sql);
        times += 1;
        if (times < 3) throw Object.assign(new Error("planted: a deadlock"), { code: "40P01" });
        return done;
      }),
  };
  const { answers } = await exchangeAll(losing, "p3", drawn(1n, [id]), false);
  expect(answers).toMatchObject([{ grant: { amount: 1n } }]);
  expect(times).toBe(3);
  const [account] = await readAccounts(database.sql, [`budget/${id}`]);
  expect(account?.state.counted).toBe(1n);
});

test("of more subjects than PostgreSQL has locks all are locked, and who changes one waits", async () => {
  const many = Array.from({ length: 20_000 }, (_, at) => `budget/${at}`);
  let isChanged = false;
  let changing: Promise<void> = Promise.resolve();
  await database.transaction(async (sql) => {
    expect(await lockToLend(sql, many)).toBeGreaterThan(0);
    changing = other.transaction((their) => lockToChange(their, ["budget/7"])).then(() => void (isChanged = true));
    await until(async () => (await sql.query(waiting)).length > 0, { what: "the change to wait" });
    expect(isChanged).toBe(false);
  });
  await changing;
});

const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
