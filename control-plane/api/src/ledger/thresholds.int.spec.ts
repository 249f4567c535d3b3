// Thresholds of budgets on a real PostgreSQL, through the admin API: each said once, whatever of it is repeated, of hard budgets as
// of soft ones, and nobody who lends or stores facts waits for it. Who pays is woken by these; twice is noise, never is a bill.

import { afterAll, beforeAll, expect, test } from "vitest";
import { BudgetPeriod } from "@tollgate/schema/resources";
import { until } from "../../../../test/support/wait.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { openDatabase, type Database } from "../database.ts";
import { handle } from "../log/handle.ts";
import { head } from "../log/read.ts";
import { budgetDecider, type BudgetCommand } from "../quotas/budget.decider.ts";
import { modelFact, storeFacts } from "../usage/batch.fixture.ts";
import { foldStream } from "../log/fold-stream.ts";
import { lend, newBudget, newId, say } from "./lending.fixture.ts";
import { openWithLimits } from "./open-accounts.ts";
import { compareAll } from "./rebuild.ts";
import { budgetSubject } from "./subjects.ts";
import { sweep } from "./thresholds.ts";

let api: AdminApi;
/** Of another process of the control plane. */
let other: Database;

beforeAll(async () => {
  api = await startAdminApi("thresholds");
  other = await openDatabase({ url: api.databaseUrl });
});
afterAll(async () => {
  await other?.close();
  await api?.close();
});

const newScope = () => ({ kind: "key", id: newId() }) as const;

async function shown(): Promise<void> {
  const { database, projections } = api.plane;
  await projections.reached((await head(database.sql)).position, 10_000);
}

function fail(error: unknown): never {
  throw error;
}

const lookAs = (database: Database, onProblem: (error: unknown) => void = fail) =>
  sweep({ database, onProblem, nowMs: api.plane.nowMs });

/** One look, as a process takes it, at all that is committed. */
async function look(database = api.plane.database): Promise<void> {
  await shown();
  await lookAs(database);
  await shown();
}

type Reached = { percent: number; limit: string; spent: string; period: string };

async function read(id: string): Promise<{ usage: { spent: string } | null; reached: Reached[]; all: Reached[] }> {
  const { budget, all } = await api.admin.run<{
    budget: { usage: { spent: string } | null; reached: Reached[] };
    all: { nodes: Reached[] };
  }>(
    `query ($id: ID!) { budget(id: $id) { usage { spent } reached { percent limit spent period } }
       all: budgetThresholds(budgetId: $id) { nodes { percent limit spent period } } }`,
    { id },
  );
  return { ...budget, all: all.nodes };
}

const percents = async (id: string) => (await read(id)).reached.map(({ percent }) => percent);

/** As many events as there are in the log of a budget's thresholds. */
async function said(id: string): Promise<number> {
  const [row] = await api.plane.database.sql.query<{ count: bigint }>(
    "SELECT count(*) AS count FROM log.event WHERE starts_with(stream, $1)",
    [`budget-threshold/${id}.`],
  );
  return Number(row?.count ?? 0n);
}

async function change(id: string, settings: Extract<BudgetCommand, { kind: "change" }>["settings"]): Promise<void> {
  const command = { kind: "change", id, settings } as const;
  const done = await handle(other, { decider: budgetDecider, id, command }, { timeMs: 1, actor: "system/spec" });
  expect(done.outcome).toBe("accepted");
}

/** A call that holds nothing. */
const spend = (keyId: string, nanoUsd: bigint, timeMs = api.plane.nowMs()) =>
  storeFacts(api.plane.database, timeMs, [modelFact(nanoUsd, { keyId })]);

test("a soft budget counts what facts say, before it was there and after, and each threshold is said once", async () => {
  const scope = newScope();
  await spend(scope.id, 300n);
  const id = await newBudget(api.plane.database, { scope, hard: false });
  await look();
  expect(await read(id)).toEqual({ usage: { spent: "0.0000003" }, reached: [], all: [] });
  await spend(scope.id, 200n);
  await look();
  expect(await percents(id)).toEqual([50]);
  await spend(scope.id, 450n);
  for (let times = 0; times < 3; times += 1) await look();
  const { reached, all } = await read(id);
  expect(reached.map(({ percent }) => percent)).toEqual([50, 75, 90]);
  expect(reached[1]).toMatchObject({ limit: "0.000001", spent: "0.00000095" });
  expect(all).toEqual(reached);
  expect(await said(id)).toBe(3);
  expect(await compareAll(api.plane.database)).toEqual([]);
});

test("a hard one counts what is settled, and not what is held or lent", async () => {
  const { database } = api.plane;
  const id = await newBudget(database, {});
  await lend(database, "p1", id, 1_000n);
  await look();
  expect(await percents(id)).toEqual([]);
  const subject = `budget/${id}`;
  await say(database, "p1", { subject, revision: 2n, draws: 1, settled: 749n, open: 251n });
  await look();
  expect(await percents(id)).toEqual([50]);
  await say(database, "p1", { subject, revision: 3n, draws: 1, settled: 1_000n });
  await look();
  expect(await percents(id)).toEqual([50, 75, 90, 100]);
});

test("many looks of two processes at once say each once", async () => {
  const scopes = Array.from({ length: 5 }, newScope);
  const ids: string[] = [];
  for (const scope of scopes) {
    ids.push(await newBudget(api.plane.database, { scope, hard: false }));
    await spend(scope.id, 1_000n);
  }
  await shown();
  const at = () => [api.plane.database, other].map((database) => lookAs(database));
  await Promise.all([...at(), ...at()]);
  await look();
  for (const id of ids) expect([await said(id), await percents(id)]).toEqual([4, [50, 75, 90, 100]]);
});

test("a raised limit takes nothing back and says nothing again; what is not reached counts by the new limit", async () => {
  const scope = newScope();
  const id = await newBudget(api.plane.database, { scope, hard: false });
  await spend(scope.id, 900n);
  await look();
  await change(id, { limitNanoUsd: 2_000n });
  await spend(scope.id, 200n);
  await look();
  expect(await percents(id)).toEqual([50, 75, 90]);
  await spend(scope.id, 800n);
  await look();
  expect(await percents(id)).toEqual([50, 75, 90]);
  await spend(scope.id, 100n);
  await look();
  expect((await read(id)).reached[3]).toMatchObject({ percent: 100, limit: "0.000002", spent: "0.000002" });
  expect(await said(id)).toBe(4);
});

test("a lowered limit, and a threshold that is new, are reached at once where so much is spent already", async () => {
  const scope = newScope();
  const id = await newBudget(api.plane.database, { scope, hard: false, thresholdsPercent: [90] });
  await spend(scope.id, 400n);
  await look();
  await change(id, { limitNanoUsd: 440n });
  await look();
  expect(await percents(id)).toEqual([90]);
  await change(id, { thresholdsPercent: [30, 90, 120] });
  await look();
  expect(await percents(id)).toEqual([30, 90]);
});

test("a change that counts anew begins anew, and what is retired says nothing more", async () => {
  const scope = newScope();
  const id = await newBudget(api.plane.database, { scope, hard: false });
  await spend(scope.id, 500n);
  await look();
  await change(id, { period: BudgetPeriod.TOTAL });
  await look();
  // Of a soft budget facts are all there is, so they count in the new account as well.
  expect((await read(id)).reached).toMatchObject([{ percent: 50, period: "total" }]);
  expect(await said(id)).toBe(2);
  await handle(
    other,
    { decider: budgetDecider, id, command: { kind: "retire", id } },
    { timeMs: 1, actor: "system/spec" },
  );
  await spend(scope.id, 500n);
  await look();
  expect(await said(id)).toBe(2);
});

test("what comes after a period's end counts in that period, and is said of it", async () => {
  const { database, nowMs } = api.plane;
  const scope = newScope();
  const id = await newBudget(database, { scope, hard: false, period: BudgetPeriod.DAY });
  const yesterdayMs = nowMs() - 24 * 3_600_000;
  const subject = budgetSubject(await foldStream(database.sql, budgetDecider, id), "budget", yesterdayMs);
  if (subject === undefined) throw new Error("a budget is lent from");
  await database.transaction((sql) => openWithLimits(sql, [subject]));
  await spend(scope.id, 600n, yesterdayMs);
  await look();
  const { reached, all } = await read(id);
  expect(reached).toEqual([]);
  expect(all).toMatchObject([{ percent: 50, period: subject.account.split("/")[3] }]);
});

test("while the log is held by somebody, what is found waits, and lending and storing facts do not", async () => {
  const { database } = api.plane;
  const scope = newScope();
  const [soft, hard] = [await newBudget(database, { scope, hard: false }), await newBudget(database, { scope })];
  await spend(scope.id, 600n);
  await look();
  await spend(scope.id, 200n);
  await shown();
  let isOver = false;
  let looking: Promise<void> | undefined;
  await other.transaction(async (sql) => {
    await sql.query("SELECT FROM log.head FOR UPDATE");
    looking = lookAs(database).finally(() => (isOver = true));
    await until(
      async () => {
        const waiting = await database.sql.query(
          "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%log.append%'",
        );
        return waiting.length > 0;
      },
      { what: "the look to wait for the log" },
    );
    expect((await lend(database, "p2", hard, 100n)).grant?.amount).toBe(100n);
    await spend(scope.id, 10n);
    expect(isOver).toBe(false);
  });
  await looking;
  await look();
  for (const id of [soft, hard]) expect([await said(id), await percents(id)]).toEqual([2, [50, 75]]);
});

test("what is wrong with one budget is told of it, and the others are looked at", async () => {
  const { database } = api.plane;
  const scopes = [newScope(), newScope(), newScope()];
  const ids: string[] = [];
  for (const scope of scopes) ids.push(await newBudget(database, { scope, hard: false }));
  const [first, broken, last] = ids.toSorted();
  for (const { id } of scopes) await spend(id, 600n);
  await database.sql.query(
    `CREATE FUNCTION ledger.planted() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN IF NEW.subject = 'budget/${broken}' THEN RAISE 'planted'; END IF; RETURN NEW; END $$;
     CREATE TRIGGER planted BEFORE INSERT ON ledger.account FOR EACH ROW EXECUTE FUNCTION ledger.planted()`,
  );
  await shown();
  const problems: unknown[] = [];
  await lookAs(database, (error) => problems.push(error));
  await shown();
  await database.sql.query("DROP TRIGGER planted ON ledger.account; DROP FUNCTION ledger.planted");
  expect(problems).toMatchObject([
    { message: expect.stringContaining(`budget/${broken}/`), cause: { message: "planted" } },
  ]);
  expect([await percents(first ?? ""), await percents(broken ?? ""), await percents(last ?? "")]).toEqual([
    [50],
    [],
    [50],
  ]);
  await look();
  expect(await percents(broken ?? "")).toEqual([50]);
});

test("what a faulty proxy says of its calls' costs keeps neither looks nor facts from going on", async () => {
  const { database } = api.plane;
  const most = 2n ** 64n - 1n;
  const [before, after] = [newScope(), newScope()];
  const [one, two] = [
    await newBudget(database, { scope: before, hard: false }),
    await newBudget(database, { scope: after }),
  ];
  await lend(database, "p5", two, 1n);
  for (let times = 0; times < 2; times += 1) for (const { id } of [before, after]) await spend(id, most);
  // As a former version stored them.
  await database.sql.query("UPDATE usage.model_call SET cost_nano_usd = $2 WHERE key_id = $1", [
    before.id,
    2n ** 63n - 1n,
  ]);
  await look();
  await database.sql.query("UPDATE ledger.account SET unreserved = $2 WHERE subject = $1", [
    `budget/${two}`,
    2n ** 61n - 2n,
  ]);
  for (const { id } of [before, after]) await spend(id, most);
  await look();
  for (const id of [one, two]) expect(await percents(id)).toEqual([50, 75, 90, 100]);
});
