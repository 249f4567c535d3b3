// Readers of the log are told of every append: at once while the hint works, at the next poll when it does not.

import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { until } from "../../../../test/support/wait.ts";
import { openDatabase, type Database } from "../database.ts";
import { meta, teamStep } from "./deciders.fixture.ts";
import { handle } from "./handle.ts";
import { openWake } from "./wake.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("wake");
  database = await openDatabase({ url: own.url });
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

async function append(id: string): Promise<bigint> {
  const done = await handle(database, teamStep(id), meta);
  if (done.outcome === "refused") throw new Error(done.refusal.kind);
  return done.position;
}

const listeners = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";

test("an append wakes without waiting for the poll", async () => {
  // So rare a poll that only the hint can be in time.
  const wake = await openWake(database, { pollMs: 600_000 });
  let seen = -1n;
  wake.subscribe((head) => (seen = head));
  await until(() => seen >= 0n, { what: "the first poll" });
  const position = await append("hinted");
  await until(() => seen === position, { what: "the hint" });
  await wake.close();
});

test("without the hint the poll tells, and keeps telling those who may have failed meanwhile", async () => {
  const deaf = await openWake({ ...database, listen: async () => async () => {} }, { pollMs: 10 });
  const heads: bigint[] = [];
  deaf.subscribe((head) => heads.push(head));
  const position = await append("polled");
  await until(() => heads.filter((head) => head === position).length >= 3, { what: "three polls of the same head" });
  await deaf.close();
});

test("a broken LISTEN comes back by itself", async () => {
  const wake = await openWake(database, { pollMs: 600_000 });
  let seen = -1n;
  wake.subscribe((head) => (seen = head));
  const [before] = await until(() => database.sql.query<{ pid: number }>(listeners), { what: "a listener" });
  await database.sql.query("SELECT pg_terminate_backend($1)", [before?.pid]);
  await until(
    async () => (await database.sql.query<{ pid: number }>(listeners)).some(({ pid }) => pid !== before?.pid),
    {
      what: "another listener",
    },
  );
  const position = await append("after the break");
  await until(() => seen === position, { what: "the hint over the new connection" });
  await wake.close();
});

test("who has unsubscribed, and everyone after the close, hears nothing more", async () => {
  const wake = await openWake(database, { pollMs: 5 });
  let [gone, kept] = [0, 0];
  const stop = wake.subscribe(() => gone++);
  wake.subscribe(() => kept++);
  await until(() => gone > 0, { what: "a first poll" });
  stop();
  const [goneThen, keptThen] = [gone, kept];
  await until(() => kept > keptThen + 2, { what: "more polls" });
  expect(gone).toBe(goneThen);
  await wake.close();
  const closed = kept;
  await append("unheard");
  expect(kept).toBe(closed);
});
