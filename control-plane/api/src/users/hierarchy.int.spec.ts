// Guarantees of customers and users over HTTP on a real PostgreSQL: a key has a user of its team's customer or of none, what
// somebody needs does not go, and a `tollgate.yaml` brings all levels in one commit and takes them away in an order that
// works. Were they not kept, a key would be bounded by whom it does not belong to, or by nobody.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi, type Mutated } from "../admin-api.fixture.ts";
import { applyTo, done } from "../configuration/apply.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("hierarchy");
});

afterAll(() => api?.close());

const run = (mutation: string, input: object | string, fields: string) => api.mutate(mutation, input, fields);
const idOf = (result: Mutated, member: string): string => (result[member] as { id: string }).id;
const customer = async (name: string) =>
  idOf(await run("createCustomer", { name, tools: ["files/*"] }, "customer { id }"), "customer");
const user = async (name: string, customerId?: string) =>
  idOf(await run("createUser", { name, customerId }, "user { id }"), "user");
const team = async (name: string, customerId?: string) =>
  idOf(await run("createTeam", { name, customerId }, "team { id }"), "team");
const keyFields = "key { id userId user { name customer { name } } team { customer { name } } labels { name values } }";

test("a key has a user of its team's customer, or of none; of another customer it has none", async () => {
  const [acme, other] = [await customer("acme"), await customer("other")];
  const [ofAcme, ofOther, ofNone] = [await user("alice", acme), await user("bob", other), await user("carol")];
  const [teamOfAcme, teamOfNone] = [await team("acme-team", acme), await team("free")];
  const labels = [{ name: "project", values: ["apollo", "gemini-*"] }];
  const issued = await run("issueKey", { name: "one", teamId: teamOfAcme, userId: ofAcme, labels }, keyFields);
  expect(issued["key"]).toMatchObject({
    ...{ userId: ofAcme, labels },
    ...{ user: { name: "alice", customer: { name: "acme" } }, team: { customer: { name: "acme" } } },
  });
  const refused = { __typename: "InvalidInput", field: "userId" };
  expect(await run("issueKey", { name: "two", teamId: teamOfAcme, userId: ofOther }, keyFields)).toMatchObject(refused);
  expect(await run("issueKey", { name: "two", teamId: teamOfNone, userId: ofAcme }, keyFields)).toMatchObject(refused);
  const missing = { __typename: "ReferenceMissing", scope: "user/0123456789abcdef" };
  const nobodys = { name: "two", teamId: teamOfAcme, userId: "0123456789abcdef" };
  expect(await run("issueKey", nobodys, keyFields)).toMatchObject(missing);
  const id = idOf(issued, "key");
  expect(await run("changeKey", { id, userId: ofOther }, keyFields)).toMatchObject(refused);
  expect((await run("changeKey", { id, userId: ofNone }, keyFields))["key"]).toMatchObject({ user: { name: "carol" } });
  const freed = await run("changeKey", { id, userId: null, labels: [] }, keyFields);
  expect(freed["key"]).toMatchObject({ userId: null, user: null, labels: [] });
});

test("a team gets a customer once; who is needed does not go", async () => {
  const [one, two] = [await customer("one"), await customer("two")];
  const teamId = await team("owned");
  const teamFields = "team { customer { name tools } }";
  const owned = await run("changeTeam", { id: teamId, customerId: one }, teamFields);
  expect(owned["team"]).toEqual({ customer: { name: "one", tools: ["files/*"] } });
  expect(await run("changeTeam", { id: teamId, customerId: two }, teamFields)).toMatchObject({ field: "customerId" });
  const userId = await user("dora", one);
  const keyId = idOf(await run("issueKey", { name: "held", teamId, userId }, "key { id }"), "key");
  expect(await run("retireUser", userId, "id")).toMatchObject({ __typename: "InUse", by: `key/${keyId}` });
  expect((await run("retireCustomer", one, "id")).__typename).toBe("InUse");
  await run("revokeKey", keyId, "key { id }");
  for (const [mutation, id] of [
    ["retireTeam", teamId],
    ["retireUser", userId],
    ["retireCustomer", one],
  ] as const)
    expect((await run(mutation, id, "id")).__typename).toMatch(/Succeeded$/);
  expect(await run("retireCustomer", one, "id")).toMatchObject({ __typename: "NotFound", scope: `customer/${one}` });
});

test("users are listed by their customer, and read at a position", async () => {
  const customerId = await customer("listing");
  const ids = [await user("first", customerId), await user("second", customerId)];
  const changed = await run("changeUser", { id: ids[1], models: ["fast"] }, "user { id }");
  const read = await api.admin.run(
    `query ($at: Position, $of: ID!, $id: ID!) {
      users(filter: { customerId: $of }, atLeast: $at) { nodes { id models } }
      user(id: $id, atLeast: $at) { name customerId customer { name } toolGroups { name } }
      customer(id: $of, atLeast: $at) { name tools }
      customers(filter: { name: "listing" }, atLeast: $at) { nodes { id } } }`,
    { at: changed.position, of: customerId, id: ids[0] },
  );
  expect(read).toEqual({
    users: {
      nodes: [
        { id: ids[0], models: [] },
        { id: ids[1], models: ["fast"] },
      ],
    },
    user: { name: "first", customerId, customer: { name: "listing" }, toolGroups: [] },
    customer: { name: "listing", tools: ["files/*"] },
    customers: { nodes: [{ id: customerId }] },
  });
});

const file = `version: 1
toolGroups: [{ name: y-reading, tools: ["files/read_*"] }]
customers: [{ name: y-acme, tools: ["files/*"], models: ["fast"] }]
teams:
  - { name: y-core, customer: y-acme, tools: [group:y-reading] }
  - { name: y-free }
users:
  - { name: y-alice, customer: y-acme, tools: [group:y-reading, "jira/*"] }
  - { name: y-bob }
keys:
  - { name: y-laptop, team: y-core, user: y-alice, tools: ["*/*"], labels: { project: [apollo, "gemini-*"] } }
`;

test("a file brings every level in one commit, and applied again it changes nothing", async () => {
  const applied = await applyTo(api.admin, file);
  expect(applied.issues ?? []).toEqual([]);
  const made = ["tool-group y-reading", "customer y-acme", "team y-core", "team y-free", "user y-alice", "user y-bob"];
  expect(done(applied)).toEqual([...made, "key y-laptop"].map((what) => `CREATE ${what}`));
  expect(done(await applyTo(api.admin, file))).toEqual([]);
});

test("what a file says otherwise is changed by its fields; whose somebody is, is refused where it stands", async () => {
  const otherwise = file
    .replace("user: y-alice,", "user: y-bob,")
    .replace('"gemini-*"]', "soyuz]")
    .replace('"jira/*"', '"wiki/*"');
  const changed = await applyTo(api.admin, otherwise);
  expect(changed.plan.filter(({ action }) => action === "CHANGE")).toMatchObject([
    { kind: "user", name: "y-alice", fields: ["tools"] },
    { kind: "key", name: "y-laptop", fields: ["user", "labels"] },
  ]);
  const moved = await applyTo(api.admin, file.replace("name: y-bob", "name: y-bob, customer: y-acme"));
  expect(moved.issues).toMatchObject([{ line: 9, path: "users[1]" }]);
  const gained = await applyTo(api.admin, otherwise.replace("name: y-free", "name: y-free, customer: y-acme"));
  expect(done(gained)).toEqual(["CHANGE team y-free"]);
  const stranger = otherwise.replace("keys:", "  - { name: y-eve, customer: y-zeta }\nkeys:");
  const ofOther = await applyTo(
    api.admin,
    stranger
      .replace("customers: [", "customers: [{ name: y-zeta }, ")
      .replace("name: y-free", "name: y-free, customer: y-acme")
      .replace("user: y-bob", "user: y-eve"),
  );
  expect(ofOther.issues).toMatchObject([{ path: "keys[0]" }]);
  expect(ofOther.issues[0]?.message).toContain("another customer");
});

test("a prune takes all of it away, the last that is needed last", async () => {
  const gone = await applyTo(api.admin, "version: 1\n", { prune: true });
  expect(gone.issues ?? []).toEqual([]);
  expect(done(gone)).toEqual(expect.arrayContaining(["RETIRE customer y-acme", "RETIRE user y-alice"]));
  const { users, customers } = await api.admin.run<{ users: object; customers: object }>(
    `query ($at: Position) { users(atLeast: $at) { nodes { id } } customers(atLeast: $at) { nodes { id } } }`,
    { at: gone.position },
  );
  expect([users, customers]).toEqual([{ nodes: [] }, { nodes: [] }]);
});
