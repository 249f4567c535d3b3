// By whom a budget is spent, over HTTP on a real PostgreSQL: of each kind of scope, models and tools alike, bounded, with a rest
// that makes the sum whole. Who is to be asked about a bill is found by it, so nobody may be left out or counted for another.

import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminError } from "../../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { sweep } from "../ledger/thresholds.ts";
import { modelFact, storeFacts, toolFact } from "../usage/batch.fixture.ts";

let api: AdminApi;
let names = 0;
let customerId: string;
let teams: string[];
let users: string[];

const idOf = async (mutation: string, member: string, input: object): Promise<string> => {
  const made = await api.mutate(mutation, { name: `shares-${(names += 1)}`, ...input }, `${member} { id }`);
  const { id } = made[member] as { id: string };
  return id;
};

beforeAll(async () => {
  api = await startAdminApi("budget_shares");
  customerId = await idOf("createCustomer", "customer", {});
  teams = [await idOf("createTeam", "team", { customerId }), await idOf("createTeam", "team", { customerId })];
  users = [await idOf("createUser", "user", { customerId }), await idOf("createUser", "user", { customerId })];
  const [teamId = "", other = ""] = teams;
  const [alice = "", bob = ""] = users;
  const labels = ["project=apollo"];
  const nowMs = api.plane.nowMs();
  await storeFacts(api.plane.database, nowMs, [
    modelFact(100n, { customerId, teamId, userId: alice, keyId: "k1" }),
    toolFact(20n, { customerId, teamId, userId: alice, keyId: "k2", labels }),
    modelFact(3n, { customerId, teamId, userId: bob, keyId: "k3", labels }),
    modelFact(200n, { customerId, teamId, keyId: "machine" }),
    toolFact(1_000n, { customerId, teamId: other, userId: bob, keyId: "k4" }),
    modelFact(7n, { teamId: "another", keyId: "k5", labels: ["project=gemini"] }),
    // Free, and of another month.
    toolFact(0n, { customerId, teamId, keyId: "k6" }),
  ]);
  await storeFacts(api.plane.database, nowMs - 40 * 86_400_000, [modelFact(9n, { customerId, teamId, keyId: "k7" })]);
});
afterAll(() => api?.close());

const newBudget = (scope: object): Promise<string> =>
  idOf("createBudget", "budget", { scope, limit: "1", period: "MONTH", hard: false });

async function opened(): Promise<void> {
  const { database, nowMs, projections } = api.plane;
  const [row] = await database.sql.query<{ position: bigint }>("SELECT max(position) AS position FROM log.event");
  await projections.reached(row?.position ?? 0n, 10_000);
  const problems: unknown[] = [];
  await sweep({ database, nowMs, onProblem: (error) => problems.push(error) });
  expect(problems).toEqual([]);
}

type Shares = { nodes: { kind: string; id: string; spent: string }[]; rest: { children: string; spent: string } };

async function read(id: string, first?: number): Promise<{ spent: string; byChild: Shares | null }> {
  const { budget } = await api.admin.run<{ budget: { usage: { spent: string; byChild: Shares | null } } }>(
    "query ($id: ID!, $first: Int) { budget(id: $id) { usage { spent byChild(first: $first) { nodes { kind id spent } rest { children spent } } } } }",
    { id, first },
  );
  return budget.usage;
}

const nano = (amount: number) => (amount / 1e9).toFixed(9).replace(/0+$/, "");
const share = (kind: string, id: string | undefined, amount: number) => ({ kind, id, spent: nano(amount) });
const none = { children: "0", spent: "0" };

test("a customer's by team, a team's by user and by key without one, a user's and a label's by key; a key's has none", async () => {
  const [teamId, other] = teams;
  const [alice, bob] = users;
  const label = { name: "project", value: "apollo" };
  const scopes = [{ customerId }, { teamId }, { userId: alice }, { label }];
  const ids = await Promise.all(scopes.map(newBudget));
  await opened();
  const [ofCustomer, ofTeam, ofUser, ofLabel] = await Promise.all(ids.map((id) => read(id)));
  const byTeam = [share("TEAM", other, 1_000), share("TEAM", teamId, 323)];
  expect(ofCustomer).toEqual({ spent: nano(1_323), byChild: { nodes: byTeam, rest: none } });
  const byUser = [share("KEY", "machine", 200), share("USER", alice, 120), share("USER", bob, 3)];
  expect(ofTeam).toEqual({ spent: nano(323), byChild: { nodes: byUser, rest: none } });
  expect(ofUser?.byChild?.nodes).toEqual([share("KEY", "k1", 100), share("KEY", "k2", 20)]);
  expect(ofLabel?.byChild?.nodes).toEqual([share("KEY", "k2", 20), share("KEY", "k3", 3)]);
  const keyId = await idOf("issueKey", "key", { teamId });
  const ofKey = await newBudget({ keyId });
  await opened();
  expect(await read(ofKey)).toEqual({ spent: "0", byChild: null });
});

test("no more than was asked for, and all others together", async () => {
  const id = await newBudget({ teamId: teams[0] });
  await opened();
  const { byChild } = await read(id, 1);
  expect(byChild).toEqual({ nodes: [share("KEY", "machine", 200)], rest: { children: "2", spent: nano(123) } });
  for (const first of [0, 101]) await expect(read(id, first)).rejects.toBeInstanceOf(AdminError);
});

test("of so many budgets at once, and no more: each adds up a period's calls", async () => {
  for (let count = 0; count < 21; count += 1) await newBudget({ customerId });
  await opened();
  const all = (first: number) =>
    api.admin.run("query ($first: Int) { budgets(first: $first) { nodes { usage { byChild { rest { spent } } } } } }", {
      first,
    });
  await expect(all(20)).resolves.toBeDefined();
  await expect(all(21)).rejects.toThrow("20 budgets");
});
