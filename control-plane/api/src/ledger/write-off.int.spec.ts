// A proxy written off through the admin API on a real PostgreSQL: books and log say the same, in one transaction, once. If they
// parted, nobody could tell why a budget is spent; if a living proxy were written off by a slip, its money would be spent twice.

import { randomUUID } from "node:crypto";
import { spent } from "@tollgate/kernel/lending/account";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { raiseIncarnation } from "../log/incarnation.ts";
import { head, readLog } from "../log/read.ts";
import { holdId } from "../sync/holders.ts";
import { raiseLedgerIncarnation, restated } from "./freeze.ts";
import { lend, newBudget, newId, say } from "./lending.fixture.ts";
import { compareAll } from "./rebuild.ts";
import { readAccounts, readOpenLeases } from "./rows.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("write_off");
});
afterAll(() => api?.close());

const fields = "writeOff { id proxyId reason by at leases amount presumed isForced }";
const writeOff = (proxyId: string, reason = "its disk is lost", more: object = {}) =>
  api.mutate("writeOffProxy", { proxyId, reason, ...more }, fields);

async function accountOf(budgetId: string) {
  const [account] = await readAccounts(api.plane.database.sql, [`budget/${budgetId}`]);
  if (account === undefined) throw new Error("the budget has no account");
  return account.state;
}

async function standing(): Promise<Record<string, unknown>> {
  const { ledger, ledgerProxies } = await api.admin.run<{
    ledger: { isFrozen: boolean };
    ledgerProxies: { nodes: ({ id: string } & Record<string, unknown>)[] };
  }>(
    `{ ledger { isFrozen }
       ledgerProxies(first: 500) { nodes { id isConnected lastHeardAt hasRestated leases held lent } } }`,
  );
  return { ...ledger, ...Object.fromEntries(ledgerProxies.nodes.map(({ id, ...rest }) => [id, rest])) };
}

test("what was lent is spent, and books, journal and log say who did it and why", async () => {
  const { database, projections } = api.plane;
  const [one, two] = [await newBudget(database, {}), await newBudget(database, {})];
  const proxyId = newId();
  await lend(database, proxyId, one, 600n);
  await say(database, proxyId, {
    subject: `budget/${one}`,
    revision: 2n,
    draws: 1,
    settled: 100n,
    open: 200n,
    unspent: 300n,
  });
  await lend(database, proxyId, two, 50n, { lease: 2 });
  await lend(database, proxyId, two, 0n, {
    lease: 3,
    subject: `exposure/${two}`,
    draw: { number: 1, asked: 7n, wanted: 7n },
  });
  await lend(database, "another", one, 40n);
  expect((await standing())[proxyId]).toEqual({
    ...{ isConnected: false, lastHeardAt: null, hasRestated: true },
    ...{ leases: "3", held: "0.0000002", lent: "0.00000035" },
  });

  const done = await writeOff(proxyId);
  expect(done).toMatchObject({
    __typename: "WriteOffProxySucceeded",
    writeOff: { proxyId, reason: "its disk is lost", leases: 3, amount: "0.00000055", presumed: "0", isForced: false },
  });
  expect(await readOpenLeases(database.sql, proxyId)).toEqual([]);
  expect(await accountOf(one)).toMatchObject({ ended: 600n, counted: 40n, settled: 0n });
  expect(spent(await accountOf(two))).toBe(50n);
  expect(await compareAll(database)).toEqual([]);
  expect((await standing())[proxyId]).toBeUndefined();
  const position = BigInt(done.position ?? 0);
  const [entry] = await readLog(database.sql, position - 1n, 1);
  expect(entry?.logged).toMatchObject({
    type: "tollgate.v1.LeasesWrittenOff",
    actor: expect.stringMatching(/^admin-token/),
  });
  const journal = await database.sql.query<{ reason: string }>(
    "SELECT DISTINCT reason FROM ledger.journal WHERE what = 'closed' AND starts_with(lease, $1)",
    [`${proxyId}/`],
  );
  expect(journal).toEqual([{ reason: `${entry?.logged.actor}: its disk is lost` }]);

  await projections.reached(position, 10_000);
  const { writeOffs } = await api.admin.run<{ writeOffs: { nodes: unknown[] } }>(
    "query ($proxyId: ID!) { writeOffs(proxyId: $proxyId) { nodes { id reason amount } } }",
    { proxyId },
  );
  expect(writeOffs.nodes).toEqual([
    { id: (done["writeOff"] as { id: string }).id, reason: "its disk is lost", amount: "0.00000055" },
  ]);
});

test("refused: who is not known, who was lent nothing, who is connected without force, and no reason; nothing is left of it", async () => {
  const { database } = api.plane;
  const proxyId = newId();
  const budgetId = await newBudget(database, {});
  const before = (await head(database.sql)).position;
  expect(await writeOff(newId())).toMatchObject({ __typename: "NotFound" });
  await holdId(database.sql, { proxyId, boot: "b" });
  expect(await writeOff(proxyId, "why", { force: true })).toMatchObject({ __typename: "NothingLent", proxyId });
  await lend(database, proxyId, budgetId, 600n);
  expect(await writeOff(proxyId, " ")).toMatchObject({ __typename: "InvalidInput", field: "reason" });
  expect(await writeOff(proxyId)).toMatchObject({ __typename: "ProxyConnected", lastHeardAt: expect.any(String) });
  expect((await head(database.sql)).position).toBe(before);
  expect(await accountOf(budgetId)).toMatchObject({ ended: 0n, counted: 600n });
  expect((await standing())[proxyId]).toMatchObject({ isConnected: true, lent: "0.0000006" });

  expect(await writeOff(proxyId, "it hangs", { force: true })).toMatchObject({
    writeOff: { isForced: true, leases: 1 },
  });
  expect(await writeOff(proxyId, "again", { force: true })).toMatchObject({ __typename: "NothingLent" });
  // It lives, and what it says of its lease changes nothing as long as it spends no more than it was lent.
  const late = { subject: `budget/${budgetId}`, revision: 9n, draws: 1, settled: 500n, unspent: 100n };
  expect(await say(database, proxyId, late)).toMatchObject({ isOver: true });
  expect(spent(await accountOf(budgetId))).toBe(600n);
  expect(await compareAll(database)).toEqual([]);
});

test("sent again under its key it is done once, and answered alike", async () => {
  const { database } = api.plane;
  const [proxyId, budgetId] = [newId(), await newBudget(database, {})];
  await lend(database, proxyId, budgetId, 10n);
  const send = () =>
    api.admin.run(
      `mutation ($key: String!, $input: WriteOffProxyInput!) { done: writeOffProxy(idempotencyKey: $key, input: $input) {
         __typename ... on WriteOffProxySucceeded { position ${fields} } } }`,
      { key: `write-off-${proxyId}`, input: { proxyId, reason: "once" } },
    );
  const [one, two] = await Promise.all([send(), send()]);
  expect(one).toMatchObject({ done: { __typename: "WriteOffProxySucceeded" } });
  expect(two).toEqual(one);
  expect(await send()).toEqual(one);
  expect(spent(await accountOf(budgetId))).toBe(10n);
});

test("what a holder says at the same time counts before or after, and is not lost", async () => {
  const { database } = api.plane;
  for (let round = 0; round < 10; round += 1) {
    const [proxyId, budgetId] = [newId(), await newBudget(database, {})];
    await lend(database, proxyId, budgetId, 600n);
    const settled = BigInt(1 + round);
    const said = { subject: `budget/${budgetId}`, revision: 2n, draws: 1, settled, unspent: 0n };
    const [done] = await Promise.all([writeOff(proxyId, randomUUID()), say(database, proxyId, said)]);
    const { amount } = done["writeOff"] as { amount: string };
    // It had given all the rest back, or what it had was written off.
    expect([`0`, "0.0000006"]).toContain(amount);
    expect(spent(await accountOf(budgetId))).toBe(amount === "0" ? settled : 600n);
  }
  expect(await compareAll(database)).toEqual([]);
});

test("after a restore the ledger waits for who has not restated; of one that never will all that was left is presumed", async () => {
  const { database } = api.plane;
  const [there, gone] = [newId(), newId()];
  const [budgetId, untouched] = [await newBudget(database, {}), await newBudget(database, { limitNanoUsd: 70n })];
  await lend(database, there, budgetId, 100n);
  await lend(database, gone, budgetId, 200n);
  await database.sql.query("UPDATE ledger.lease SET is_closed = true WHERE proxy_id <> ALL ($1::text[])", [
    [there, gone],
  ]);
  const incarnation = (await head(database.sql)).log.incarnation + 1;
  expect(await raiseIncarnation(database.sql, incarnation)).toBe(true);
  expect((await raiseLedgerIncarnation(database.sql)).isFrozen).toBe(true);
  await restated(database.sql, there, incarnation);
  expect(await standing()).toMatchObject({
    isFrozen: true,
    [there]: { hasRestated: true },
    [gone]: { hasRestated: false, lent: "0.0000002" },
  });
  const asking = { revision: 2n, draws: 1, unspent: 100n, draw: { number: 2, asked: 1n, wanted: 1n } };
  expect((await say(database, there, { subject: `budget/${budgetId}`, ...asking })).grant?.amount).toBe(0n);

  await api.plane.projections.reached((await head(database.sql)).position, 10_000);
  const done = await writeOff(gone);
  expect(done).toMatchObject({ writeOff: { leases: 1, amount: "0.0000002" } });
  const { presumed } = done["writeOff"] as { presumed: string };
  // Of these two, 700 and 70; and of what other budgets of this file had left.
  expect(Number(presumed)).toBeGreaterThanOrEqual(0.00000077);
  expect(await accountOf(budgetId)).toMatchObject({ ended: 900n, counted: 100n });
  expect(spent(await accountOf(untouched))).toBe(70n);
  expect(await standing()).toMatchObject({ isFrozen: false });
  expect(await compareAll(database)).toEqual([]);
});
