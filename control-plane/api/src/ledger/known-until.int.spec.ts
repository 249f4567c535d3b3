// What a ledger that comes back from a backup says that it knows. If it said more than is in the backup, a proxy that has let go
// what it spent since would take it for known, and it would be lent a second time; if it did not stop lending, so would all be.

import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { budgetDefaults } from "@tollgate/kernel/quotas/budget-rules";
import { LeaseStatementSchema } from "@tollgate/schema/ledger";
import { BudgetPeriod } from "@tollgate/schema/resources";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { raiseIncarnation } from "../log/incarnation.ts";
import { handle } from "../log/handle.ts";
import { budgetDecider } from "../quotas/budget.decider.ts";
import { exchangeAll } from "./exchange.ts";
import { raiseLedgerIncarnation } from "./freeze.ts";

let server: TestDatabase;
let database: Database;
let incarnation: number;
beforeEach(async () => {
  server = await createDatabase("known_until");
  database = await openDatabase({ url: server.url });
  incarnation = 1;
});
afterEach(async () => {
  await database.close();
  await server.drop();
});

const newId = () => idFromBytes(randomBytes(idBytes));

async function budget(): Promise<string> {
  const id = newId();
  const settings = { ...budgetDefaults, scope: { kind: "key", id: newId() } as const, limitNanoUsd: 1_000n };
  const command = { kind: "create", id, name: "b", settings: { ...settings, period: BudgetPeriod.TOTAL } } as const;
  const done = await handle(database, { decider: budgetDecider, id, command }, { timeMs: 1, actor: "admin-token/a" });
  expect(done).toMatchObject({ outcome: "accepted" });
  return id;
}

const now = async () =>
  Number(
    (await database.sql.query<{ ms: number }>("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms"))[0]?.ms,
  );

/** As if the database were a backup of what it is. */
async function restore() {
  await raiseIncarnation(database.sql, (incarnation += 1));
  return raiseLedgerIncarnation(database.sql);
}

async function draw(id: string): Promise<void> {
  const draw = { number: 1, asked: 10n, wanted: 10n };
  const statement = { epoch: 1n, lease: 1, subject: `budget/${id}`, revision: 1n, draw };
  await exchangeAll(database, "p1", [create(LeaseStatementSchema, statement)], false);
}

test("it knows what was written last, and goes on knowing no more for as long as not everybody has restated", async () => {
  await raiseLedgerIncarnation(database.sql);
  const id = await budget();
  const fromMs = await now();
  await draw(id);
  const untilMs = await now();
  const first = await restore();
  expect(first).toMatchObject({ incarnation: 2, isFrozen: true });
  const knownUntilMs = Number(first.knownUntilMs);
  expect(knownUntilMs).toBeGreaterThanOrEqual(Math.floor(fromMs));
  expect(knownUntilMs).toBeLessThanOrEqual(Math.ceil(untilMs));
  // Somebody is heard of, and a backup is taken before he has said everything.
  await database.sql.query("INSERT INTO fleet.holder (proxy_id, boot, heard_at) VALUES ('p1', 'b', now())");
  expect(await restore()).toMatchObject({ incarnation: 3, isFrozen: true, knownUntilMs: first.knownUntilMs });
  await database.sql.query("UPDATE ledger.state SET is_frozen = false");
  const last = await restore();
  expect(last.isFrozen).toBe(true);
  expect(Number(last.knownUntilMs)).toBeGreaterThan(knownUntilMs);
});

test("a backup from before anything was lent lends nothing either, as long as there is a budget in it", async () => {
  await raiseLedgerIncarnation(database.sql);
  expect(await restore()).toMatchObject({ incarnation: 2, isFrozen: false });
  await budget();
  expect(await restore()).toMatchObject({ incarnation: 3, isFrozen: true });
});
