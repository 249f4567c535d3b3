// Guarantees of a `tollgate.yaml` about budgets and limits, over HTTP on a real PostgreSQL: they come and go with the teams and
// keys that they are for in one commit, twice is once, and what an admin added for a while outlives the file.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { applyTo, done, type Applied, type Options } from "./apply.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("quotas_file");
});

afterAll(() => api?.close());

const apply = (file: string, options: Options = {}): Promise<Applied> => applyTo(api.admin, file, options);

type Node = { id: string; name: string } & Record<string, unknown>;
type There = Record<"budgets" | "limits" | "keys" | "teams", { nodes: Node[] }>;

async function there(): Promise<There> {
  const { log } = await api.admin.run<{ log: { position: string } }>("{ log { position } }");
  return api.admin.run(
    `query ($at: Position) {
      budgets(atLeast: $at) { nodes { id name limit limitInForce period edition scope { teamId keyId label { value } } } }
      limits(atLeast: $at) { nodes { id name measure amount window tools scope { teamId keyId } } }
      keys(atLeast: $at) { nodes { id name } }
      teams(atLeast: $at) { nodes { id name } }
    }`,
    { at: log.position },
  );
}

const whole = `version: 1
teams: [{ name: engineering }]
keys: [{ name: alice, team: engineering }]
budgets:
  - { name: month, scope: { team: engineering }, limit: 500, period: month }
  - { name: day, scope: { key: alice }, limit: "0.25", period: day, hard: false }
  - { name: apollo, scope: { label: { project: apollo } }, limit: 7, period: total }
limits:
  - { name: calm, scope: { key: alice }, measure: requests, amount: 600, window: minute, tools: ["files/*"] }
`;

const fields = ({ plan }: Applied) =>
  plan.flatMap(({ action, kind, name, fields: of }) => (action === "NONE" ? [] : [[action, kind, name, ...of]]));

test("are made with their team and key in one commit, and applied again they change nothing", async () => {
  const created = ["team engineering", "key alice", "budget month", "budget day", "budget apollo", "limit calm"];
  expect(done(await apply(whole, { dryRun: true })).sort()).toEqual(created.map((what) => `CREATE ${what}`).sort());
  expect((await there()).budgets.nodes).toEqual([]);
  expect(done(await apply(whole)).sort()).toEqual(created.map((what) => `CREATE ${what}`).sort());
  const { budgets, limits, keys, teams } = await there();
  const [keyId, teamId] = [keys.nodes[0]?.id, teams.nodes[0]?.id];
  expect(budgets.nodes).toMatchObject([
    { name: "apollo", limit: "7", period: "TOTAL", scope: { teamId: null, keyId: null, label: { value: "apollo" } } },
    { name: "day", limit: "0.25", period: "DAY", scope: { teamId: null, keyId } },
    { name: "month", limit: "500", period: "MONTH", scope: { teamId, keyId: null } },
  ]);
  expect(limits.nodes).toMatchObject([{ name: "calm", amount: "600", window: "MINUTE", scope: { keyId } }]);
  expect(done(await apply(whole))).toEqual([]);
});

test("what changes is told by its field, and overrides stay", async () => {
  const month = (await there()).budgets.nodes.find(({ name }) => name === "month");
  const until = new Date(api.plane.nowMs() + 3_600_000).toISOString();
  await api.mutate("addBudgetOverride", { id: month?.id, amount: "10", until, reason: "launch" }, "budget { id }");
  const changed = whole
    .replace("limit: 500", "limit: 400, exposureMax: 1")
    .replace("period: day", "period: week")
    .replace("amount: 600", "amount: 60");
  expect(fields(await apply(changed))).toEqual([
    ["CHANGE", "budget", "month", "exposureMax", "limit"],
    ["CHANGE", "budget", "day", "period"],
    ["CHANGE", "limit", "calm", "amount"],
  ]);
  expect((await there()).budgets.nodes).toMatchObject([
    { name: "apollo", edition: 1 },
    { name: "day", edition: 2 },
    { name: "month", edition: 1, limit: "400", limitInForce: "410" },
  ]);
  expect(fields(await apply(whole))).toContainEqual(["CHANGE", "budget", "month", "exposureMax", "limit"]);
});

test("a key that is replaced takes its budget along, which counts anew; one that is over leaves it as it is", async () => {
  const purpose = whole.replace("{ name: alice,", "{ name: alice, purpose: service,");
  expect(fields(await apply(purpose))).toEqual([
    ["CHANGE", "key", "alice", "purpose"],
    ["CHANGE", "budget", "day", "scope"],
    ["CHANGE", "limit", "calm", "scope"],
  ]);
  const { keys, budgets } = await there();
  expect(budgets.nodes.find(({ name }) => name === "day")?.["scope"]).toMatchObject({ keyId: keys.nodes[0]?.id });
  await api.mutate("revokeKey", keys.nodes[0]?.id ?? "", "key { id }");
  const over = purpose.replace("purpose: service,", 'purpose: service, expiresAt: "2020-01-01T00:00:00Z",');
  const kept = await apply(over);
  expect(done(kept)).toEqual([]);
  expect(kept.plan).toContainEqual({ action: "NONE", kind: "budget", name: "day", fields: [], stays: null });
});

test("are for customers and users of the file, too, who stay while they are there", async () => {
  const file = `version: 1
customers: [{ name: acme }]
users: [{ name: ann, customer: acme }]
budgets: [{ name: of-acme, scope: { customer: acme }, limit: 1, period: year }]
limits: [{ name: of-ann, scope: { user: ann }, measure: tokens, amount: 1000000, window: day }]
`;
  const created = ["CREATE customer acme", "CREATE user ann", "CREATE budget of-acme", "CREATE limit of-ann"];
  expect(done(await apply(file)).sort()).toEqual(created.sort());
  expect(done(await apply(file))).toEqual([]);
  const { log } = await api.admin.run<{ log: { position: string } }>("{ log { position } }");
  const found = await api.admin.run<Record<"budgets" | "limits" | "customers" | "users", { nodes: Node[] }>>(
    `query ($at: Position) {
      customers(atLeast: $at) { nodes { id } } users(atLeast: $at) { nodes { id } }
      budgets(atLeast: $at, filter: { name: "of-acme" }) { nodes { scope { customerId } } }
      limits(atLeast: $at, filter: { name: "of-ann" }) { nodes { scope { userId } } }
    }`,
    { at: log.position },
  );
  expect(found.budgets.nodes).toEqual([{ scope: { customerId: found.customers.nodes[0]?.id } }]);
  expect(found.limits.nodes).toEqual([{ scope: { userId: found.users.nodes[0]?.id } }]);
  expect(await api.mutate("retireUser", found.users.nodes[0]?.id ?? "", "id")).toMatchObject({ __typename: "InUse" });
});

test("with prune they go, before those that they were for", async () => {
  const other = `version: 1
teams: [{ name: research }]
budgets: [{ name: month, scope: { team: research }, limit: 500, period: month }]
`;
  expect(done(await apply(other, { prune: true })).sort()).toEqual([
    ...["CHANGE budget month", "CREATE team research"],
    ...["RETIRE budget apollo", "RETIRE budget day", "RETIRE budget of-acme", "RETIRE customer acme"],
    ...["RETIRE limit calm", "RETIRE limit of-ann", "RETIRE team engineering", "RETIRE user ann"],
  ]);
  expect((await there()).budgets.nodes).toMatchObject([{ name: "month", edition: 2 }]);
  expect(done(await apply(other, { prune: true }))).toEqual([]);
});
