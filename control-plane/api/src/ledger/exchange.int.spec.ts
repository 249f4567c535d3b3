// The ledger on a real PostgreSQL: what the kernel's lending promises must hold with rows, locks, two processes and a killed
// transaction, or a budget is overspent by whoever comes second.

import { randomBytes } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import {
  BudgetLedgerLost,
  BudgetPeriod,
  BudgetReservation,
  DenyPolicySchema,
  LimitMeasure,
  LimitPolicySchema,
  LimitWindow,
} from "@tollgate/schema/resources";
import { LeaseStatementSchema, Shortage, type LeaseStatement } from "@tollgate/schema/ledger";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { until } from "../../../../test/support/wait.ts";
import { openDatabase, type Database } from "../database.ts";
import { handle } from "../log/handle.ts";
import { policyDecider, type PolicyCommand, type PolicyRule } from "../policies/policy.decider.ts";
import { budgetDecider } from "../quotas/budget.decider.ts";
import { limitDecider } from "../quotas/limit.decider.ts";
import { exchangeAll } from "./exchange.ts";
import { lockToLend } from "./lent-lock.ts";
import { compareAll } from "./rebuild.ts";
import { readAccounts, readOpenLeases } from "./rows.ts";

let server: TestDatabase;
let database: Database;
/** Another process of the control plane. */
let other: Database;
let budgets = 0;

beforeAll(async () => {
  server = await createDatabase("ledger");
  database = await openDatabase({ url: server.url });
  other = await openDatabase({ url: server.url });
});
afterAll(async () => {
  await other.close();
  await database.close();
  await server.drop();
});

const meta = { timeMs: 1, actor: "admin-token/a" };
const proxies = ["p1", "p2", "p3", "p4"];

async function budget(limitNanoUsd: bigint, period = BudgetPeriod.MONTH): Promise<string> {
  const id = idFromBytes(randomBytes(idBytes));
  const settings = {
    ...{
      scope: { kind: "key" as const, id: idFromBytes(randomBytes(idBytes)) },
      limitNanoUsd,
      period,
      timeZone: "Europe/Berlin",
      hard: true,
    },
    ...{ reservation: BudgetReservation.FULL, exposureMaxNanoUsd: undefined, marginTokens: 2_048, allow: [] },
    ...{ onLedgerLost: BudgetLedgerLost.REFUSE, thresholdsPercent: [] },
  };
  const done = await handle(
    database,
    { decider: budgetDecider, id, command: { kind: "create", id, name: `b${(budgets += 1)}`, settings } },
    meta,
  );
  expect(done).toMatchObject({ outcome: "accepted" });
  return id;
}

function statement(id: string, more: MessageInitShape<typeof LeaseStatementSchema> = {}): LeaseStatement {
  return create(LeaseStatementSchema, {
    epoch: BigInt(budgets),
    lease: 1,
    subject: `budget/${id}`,
    revision: 1n,
    ...more,
  });
}

const say = async (from: Database, proxyId: string, ...statements: LeaseStatement[]) =>
  (await exchangeAll(from, proxyId, statements, false)).answers;

test("many who draw at once from two processes are lent the limit and not more, to the last nano-dollar", async () => {
  const id = await budget(1_000_000n);
  const random = seededRandom(seedFromEnv());
  let lent = 0n;
  const holder = async (proxyId: string, from: Database): Promise<void> => {
    let unspent = 0n;
    for (let number = 1; number <= 60; number += 1) {
      const asked = BigInt(1 + random.int(40_000));
      const draw = { number, asked, wanted: asked };
      const said = statement(id, { revision: BigInt(number), unspent, draws: number - 1, draw });
      const [answer] = await say(from, proxyId, said);
      const amount = answer?.grant?.amount ?? 0n;
      if (amount === 0n) expect(answer?.grant?.shortage).toBe(Shortage.HELD);
      unspent += amount;
      lent += amount;
    }
  };
  await Promise.all(proxies.map((proxyId, index) => holder(proxyId, index % 2 === 0 ? database : other)));
  expect(lent).toBeLessThanOrEqual(1_000_000n);
  const [account] = await readAccounts(database.sql, [`budget/${id}`]);
  expect(account?.state).toMatchObject({ counted: lent, limit: 1_000_000n, holders: 4 });
  expect(await compareAll(database)).toEqual([]);
});

test("a period's account ends with the calendar of its zone, and a repeated draw is answered alike", async () => {
  const id = await budget(500n);
  const draw = { number: 1, asked: 100n, wanted: 200n };
  const [first] = await say(database, "p1", statement(id, { draw }));
  const [again] = await say(other, "p1", statement(id, { draw }));
  expect(first?.account).toMatch(new RegExp(`^budget/${id}/1/\\d{4}-\\d{2}$`));
  expect(again?.grant).toEqual(first?.grant);
  expect(Number(first?.msLeft)).toBeGreaterThan(0);
});

test("a lowered limit holds from its commit on, and what is above it is asked back", async () => {
  const id = await budget(1_000n);
  await say(database, "p1", statement(id, { draw: { number: 1, asked: 600n, wanted: 600n } }));
  const command = { kind: "change", id, settings: { limitNanoUsd: 500n } } as const;
  expect((await handle(other, { decider: budgetDecider, id, command }, meta)).outcome).toBe("accepted");
  const said = { revision: 2n, draws: 1, unspent: 600n, draw: { number: 2, asked: 1n, wanted: 1n } };
  const [answer] = await say(database, "p1", statement(id, said));
  expect(answer).toMatchObject({ keepAtMost: 0n, limit: 500n, counted: 600n, grant: { amount: 0n } });
});

test("what is changed so that it counts anew has another account, and the former one's lease is over", async () => {
  const id = await budget(1_000n);
  const [first] = await say(database, "p1", statement(id, { draw: { number: 1, asked: 600n, wanted: 600n } }));
  const command = { kind: "change", id, settings: { period: BudgetPeriod.DAY } } as const;
  await handle(database, { decider: budgetDecider, id, command }, meta);
  const account = first?.account ?? "";
  const said = { account, revision: 2n, draws: 1, settled: 70n, draw: { number: 2, asked: 1n, wanted: 1n } };
  const [over] = await say(database, "p1", statement(id, said));
  expect(over).toMatchObject({ isOver: true, account });
  expect(over?.grant).toBeUndefined();
  // A call that is under way stays charged to where it was reserved, with what it comes to need.
  const runs = { ...said, revision: 3n, open: 30n, draw: { number: 3, asked: 5n, wanted: 5n } };
  expect((await say(database, "p1", statement(id, runs)))[0]).toMatchObject({ isOver: true, grant: { amount: 5n } });
  const [next] = await say(database, "p1", statement(id, { lease: 2, draw: { number: 1, asked: 9n, wanted: 9n } }));
  expect(next?.account).not.toBe(account);
  expect(next?.grant?.amount).toBe(9n);
});

test("nothing is lent of a budget that is retired, or that never was", async () => {
  const id = await budget(1_000n);
  await handle(database, { decider: budgetDecider, id, command: { kind: "retire", id } }, meta);
  for (const gone of [id, "nobody", "x/../y"]) {
    const [answer] = await say(database, "p1", statement(gone, { draw: { number: 1, asked: 1n, wanted: 1n } }));
    expect(answer).toMatchObject({ isOver: true });
    expect(answer?.grant).toBeUndefined();
  }
});

test("a policy that counts is lent from as a limit is, from the commit of its change on, and no other policy is", async () => {
  const id = idFromBytes(randomBytes(idBytes));
  const measure = LimitMeasure.REQUESTS;
  const counting = (amount: bigint, window = LimitWindow.HOUR) =>
    ({ case: "limit", value: create(LimitPolicySchema, { measure, amount, window }) }) as const;
  const rule = (kind: PolicyRule["kind"]): PolicyRule => ({ disabled: false, order: 0, match: "", covers: [], kind });
  const decide = async (command: PolicyCommand) =>
    expect(await handle(other, { decider: policyDecider, id, command }, meta)).toMatchObject({ outcome: "accepted" });
  await decide({ kind: "create", id, name: "few", rule: rule(counting(10n)) });
  const subject = `policy/${id}`;
  const draws = (number: number, unspent: bigint, asked: bigint) =>
    statement(id, {
      epoch: 1_001n,
      subject,
      revision: BigInt(number),
      draws: number - 1,
      unspent,
      draw: { number, asked, wanted: asked },
    });
  const [first] = await say(database, "p1", draws(1, 0n, 6n));
  expect(first).toMatchObject({ account: `${subject}/${measure}-${LimitWindow.HOUR}`, grant: { amount: 6n } });
  expect((await say(database, "p2", draws(1, 0n, 5n)))[0]).toMatchObject({ grant: { amount: 0n } });

  await decide({ kind: "change", id, rule: rule(counting(4n)) });
  const [lowered] = await say(database, "p1", draws(2, 6n, 1n));
  expect(lowered).toMatchObject({ keepAtMost: 0n, limit: 4n, counted: 6n, grant: { amount: 0n }, isOver: false });
  // Who lends and who changes wait for each other.
  let isChanged = false;
  let changing: Promise<void> = Promise.resolve();
  await database.transaction(async (sql) => {
    await lockToLend(sql, [subject]);
    const wide = rule(counting(4n, LimitWindow.DAY));
    changing = decide({ kind: "change", id, rule: wide }).then(() => void (isChanged = true));
    await until(async () => (await sql.query(waiting)).length > 0, { what: "the change to wait" });
    expect(isChanged).toBe(false);
  });
  await changing;
  expect((await say(database, "p1", draws(3, 6n, 1n)))[0]).toMatchObject({ isOver: true, account: first?.account });

  await decide({ kind: "change", id, rule: rule({ case: "deny", value: create(DenyPolicySchema) }) });
  const [none] = await say(database, "p3", draws(1, 0n, 1n));
  expect(none).toMatchObject({ isOver: true });
  expect(none?.grant).toBeUndefined();
});

test("who finds a window full is told when there is room for what he asks for", async () => {
  const id = idFromBytes(randomBytes(idBytes));
  const settings = {
    ...{ scope: { kind: "key" as const, id: idFromBytes(randomBytes(idBytes)) }, measure: LimitMeasure.REQUESTS },
    ...{ amount: 4n, window: LimitWindow.MINUTE, models: [], tools: [] },
  };
  const create = { kind: "create", id, name: "calm", settings } as const;
  expect(await handle(database, { decider: limitDecider, id, command: create }, meta)).toMatchObject({
    outcome: "accepted",
  });
  const draws = (number: number, asked: bigint, settled = 0n) =>
    statement(id, {
      ...{ epoch: 1_002n, subject: `limit/${id}`, revision: BigInt(number), draws: number - 1, settled },
      draw: { number, asked, wanted: asked },
    });
  const [first] = await say(database, "p1", draws(1, 4n));
  expect(first).toMatchObject({ grant: { amount: 4n } });
  expect(first?.roomInMs).toBeUndefined();
  const [full] = await say(database, "p1", draws(2, 1n, 4n));
  expect(full).toMatchObject({ grant: { amount: 0n, shortage: Shortage.SPENT } });
  expect(Number(full?.roomInMs)).toBeGreaterThan(59_999);
  expect(Number(full?.roomInMs)).toBeLessThanOrEqual(61_000);
  const [never] = await say(database, "p1", draws(3, 5n, 4n));
  expect(never?.roomInMs).toBeUndefined();
});

const waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";

test("a successor's word ends a lease; a successor of somebody else finds none", async () => {
  const id = await budget(1_000n);
  const [lent] = await say(database, "p1", statement(id, { draw: { number: 1, asked: 600n, wanted: 600n } }));
  const account = lent?.account ?? "";
  await say(database, "p2", statement(id, { account, settled: 1n, isOfFormer: true }));
  await say(database, "p1", statement(id, { account, settled: 40n, open: 20n, isOfFormer: true }));
  const [state] = await readAccounts(database.sql, [`budget/${id}`]);
  expect(state?.state).toMatchObject({ ended: 61n, counted: 0n });
  expect(await compareAll(database)).toEqual([]);
});

test("two boots that have one epoch, as machines with copies of one disk do, are not lent the same, and neither ends what the other has", async () => {
  const id = await budget(1_000n);
  const sayAs = async (boot: string, more: MessageInitShape<typeof LeaseStatementSchema>) =>
    (await exchangeAll(database, "p1", [statement(id, more)], false, boot)).answers[0];
  const draw = { number: 1, asked: 600n, wanted: 600n };
  const account = (await sayAs("original", { draw }))?.account ?? "";
  const copied = await sayAs("copy", { draw });
  expect(copied).toMatchObject({ account, isOver: true });
  expect(copied?.grant).toBeUndefined();
  // It goes on under a number that nobody has, and what it says when it has died is of that alone.
  const smaller = { number: 1, asked: 300n, wanted: 300n };
  expect((await sayAs("copy", { lease: 2, draw: smaller }))?.grant?.amount).toBe(300n);
  for (const lease of [1, 2]) await sayAs("next", { account, lease, settled: 5n, isOfFormer: true, boot: "copy" });
  const [state] = await readAccounts(database.sql, [`budget/${id}`]);
  expect(state?.state).toMatchObject({ ended: 5n, counted: 600n });
  const held = async () => (await readOpenLeases(database.sql, "p1")).filter((lease) => lease.account === account);
  expect(await held()).toMatchObject([{ lease: 1, boot: "original" }]);
  // A proxy of a former version does not say whose leases they were.
  await sayAs("next", { account, settled: 7n, isOfFormer: true });
  expect(await held()).toEqual([]);
  expect(await compareAll(database)).toEqual([]);
});

test("a transaction that fails in the middle lends nothing", async () => {
  const id = await budget(1_000n);
  const failing: Pick<Database, "transaction"> = {
    transaction: (fn) =>
      database.transaction(async (sql) => {
        await fn(sql);
        throw new Error("planted: the connection broke before the commit");
      }),
  };
  const said = statement(id, { draw: { number: 1, asked: 600n, wanted: 600n } });
  await expect(exchangeAll(failing, "p1", [said], false)).rejects.toThrow("planted");
  expect(await readAccounts(database.sql, [`budget/${id}`])).toEqual([]);
  const [answer] = await say(database, "p1", said);
  expect(answer?.grant?.amount).toBe(600n);
});

test("a balance that somebody changed by hand is found", async () => {
  const id = await budget(1_000n);
  await say(database, "p1", statement(id, { draw: { number: 1, asked: 600n, wanted: 600n } }));
  await database.sql.query("UPDATE ledger.account SET counted = 1 WHERE subject = $1", [`budget/${id}`]);
  expect((await compareAll(database)).map(({ account }) => account)).toEqual([
    expect.stringContaining(`budget/${id}/`),
  ]);
});

test("the same said to two processes at once is taken in once: a control plane that was killed may still be at it", async () => {
  const id = await budget(1_000_000n);
  let revision = 0n;
  let draws = 0;
  let unspent = 0n;
  for (let round = 0; round < 30; round += 1) {
    revision += 1n;
    const draw = { number: draws + 1, asked: 10n, wanted: 1_000n };
    const said = statement(id, { revision, unspent, draws, draw });
    const [[first], [second]] = await Promise.all([say(database, "p1", said), say(other, "p1", said)]);
    expect(second?.grant).toEqual(first?.grant);
    unspent += first?.grant?.amount ?? 0n;
    draws += 1;
  }
  const [account] = await readAccounts(database.sql, [`budget/${id}`]);
  expect(account?.state.counted).toBe(unspent);
  expect((await compareAll(database)).filter(({ account: name }) => name.includes(id))).toEqual([]);
});
