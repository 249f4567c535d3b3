// What was spent without being held, on a real PostgreSQL: of models and of tools, before a budget's account was there and after,
// each once. What is added twice closes a budget too early; what is forgotten, too late.

import { spent } from "@tollgate/kernel/lending/account";
import { BudgetPeriod } from "@tollgate/schema/resources";
import { ToolCallOutcome } from "@tollgate/schema/usage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { modelFact, storeFacts, toolFact } from "../usage/batch.fixture.ts";
import { newBudget, newId } from "./lending.fixture.ts";
import { lockToLend } from "./lent-lock.ts";
import { openWithLimits } from "./open-accounts.ts";
import { compareAll } from "./rebuild.ts";
import { readAccounts } from "./rows.ts";
import { readSubjects } from "./subjects.ts";

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await createDatabase("unreserved");
  database = await openDatabase({ url: server.url });
});
afterAll(async () => {
  await database?.close();
  await server?.drop();
});

/** Of a day, whose account is opened now; answers its name. */
async function open(id: string): Promise<string> {
  return database.transaction(async (sql) => {
    const subjects = [...(await readSubjects(sql, [`budget/${id}`], await lockToLend(sql, []))).values()];
    await openWithLimits(sql, subjects);
    return subjects[0]?.account ?? "";
  });
}

async function spentOf(id: string): Promise<bigint> {
  const [account] = await readAccounts(database.sql, [`budget/${id}`]);
  if (account === undefined) throw new Error("the budget has no account");
  return spent(account.state);
}

const newDay = (keyId: string) =>
  newBudget(database, { scope: { kind: "key", id: keyId }, hard: false, period: BudgetPeriod.DAY });

test("an account begins with what models and tools cost in its scope and time, and goes on with it", async () => {
  const keyId = newId();
  const id = await newDay(keyId);
  const nowMs = Date.now();
  const facts = () => [modelFact(300n, { keyId }), toolFact(40n, { keyId }), toolFact(1_000n, { keyId: newId() })];
  await storeFacts(database, nowMs, facts());
  await storeFacts(database, nowMs - 2 * 86_400_000, facts());
  await open(id);
  expect(await spentOf(id)).toBe(340n);
  await storeFacts(database, nowMs, facts());
  await storeFacts(database, nowMs - 2 * 86_400_000, facts());
  expect(await spentOf(id)).toBe(680n);
  expect(await compareAll(database)).toEqual([]);
});

test("what a call of a tool held of an account is not added to it, now or when it is opened", async () => {
  const keyId = newId();
  const [held, other, late] = [await newDay(keyId), await newDay(keyId), await newDay(keyId)];
  const account = await open(held);
  await open(other);
  const accounts = [account, `budget/${late}/1/2026-11-28`];
  const unknown = { keyId, accounts, outcome: ToolCallOutcome.UNKNOWN };
  await storeFacts(database, Date.now(), [toolFact(5n, { keyId, accounts }), toolFact(7n, unknown)]);
  await open(late);
  expect([await spentOf(held), await spentOf(other), await spentOf(late)]).toEqual([0n, 12n, 0n]);
  expect(await compareAll(database)).toEqual([]);
});

test("a price that was not known, and a fact from before there were prices, add nothing", async () => {
  const keyId = newId();
  const id = await newDay(keyId);
  await storeFacts(database, Date.now(), [toolFact(0n, { keyId, isPriceUnknown: true }), toolFact(0n, { keyId })]);
  await open(id);
  await storeFacts(database, Date.now(), [toolFact(0n, { keyId, isPriceUnknown: true }), toolFact(0n, { keyId })]);
  expect(await spentOf(id)).toBe(0n);
});
