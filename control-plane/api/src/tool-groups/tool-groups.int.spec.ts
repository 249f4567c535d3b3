// Guarantees of tool groups over HTTP on a real PostgreSQL: keys and teams get them by name, what is not there is refused and
// named, a group that somebody has does not go, and what a list shows of many costs one query more and not one each.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi, type Mutated } from "../admin-api.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("tool_groups");
});

afterAll(() => api?.close());

const run = (mutation: string, input: object, fields: string) => api.mutate(mutation, input, fields);
const retire = (id: string) => api.mutate("retireToolGroup", id, "id");

const groupFields = "toolGroup { id name tools naming eras }";
const idOf = (result: Mutated, member: string): string => (result[member] as { id: string }).id;
const newGroup = async (name: string, tools = ["files/*"]) =>
  idOf(await run("createToolGroup", { name, tools }, groupFields), "toolGroup");

test("a group is made, changed and read at its position; its name is taken", async () => {
  const made = await run(
    "createToolGroup",
    { name: "research", tools: ["files/read_*", "prompt:github/*"], naming: "NONE", eras: ["LEGACY"] },
    groupFields,
  );
  const id = idOf(made, "toolGroup");
  expect(made["toolGroup"]).toEqual({
    ...{ id, name: "research", tools: ["files/read_*", "prompt:github/*"], naming: "NONE", eras: ["LEGACY"] },
  });
  expect(await run("createToolGroup", { name: "research", tools: [] }, groupFields)).toMatchObject({
    __typename: "NameTaken",
  });
  const changed = await run("changeToolGroup", { id, naming: "AUTO", eras: [] }, groupFields);
  const read = await api.admin.run(
    `query ($at: Position, $id: ID!) { toolGroup(id: $id, atLeast: $at) { name naming eras }
      toolGroups(filter: { name: "research" }) { nodes { id tools } } }`,
    { at: changed.position, id },
  );
  expect(read).toEqual({
    toolGroup: { name: "research", naming: "AUTO", eras: [] },
    toolGroups: { nodes: [{ id, tools: ["files/read_*", "prompt:github/*"] }] },
  });
  expect(await run("changeToolGroup", { id, tools: ["files"] }, groupFields)).toMatchObject({ field: "tools[0]" });
});

test("keys and teams have groups by name, and a group that somebody has does not go", async () => {
  const [one, two] = [await newGroup("one"), await newGroup("two")];
  const team = await run(
    "createTeam",
    { name: "bound", tools: ["files/*"], toolGroups: ["one"] },
    "team { id tools toolGroups { name } }",
  );
  expect(team["team"]).toMatchObject({ tools: ["files/*"], toolGroups: [{ name: "one" }] });
  const teamId = idOf(team, "team");
  const keyFields = "key { id tools toolGroupIds toolGroups { name } team { toolGroups { name } } }";
  const key = await run("issueKey", { name: "holder", teamId, toolGroups: ["two", "one"] }, keyFields);
  const keyId = idOf(key, "key");
  expect(key["key"]).toMatchObject({
    ...{ tools: [], toolGroupIds: [two, one], toolGroups: [{ name: "two" }, { name: "one" }] },
    team: { toolGroups: [{ name: "one" }] },
  });
  expect(await retire(two)).toMatchObject({ __typename: "InUse", by: `key/${keyId}` });
  expect((await run("changeKey", { id: keyId, toolGroups: [] }, keyFields)).__typename).toBe("ChangeKeySucceeded");
  expect((await retire(two)).__typename).toBe("RetireToolGroupSucceeded");
  expect(await retire(one)).toMatchObject({ __typename: "InUse", by: `team/${teamId}` });
  const freed = await run("changeTeam", { id: teamId, toolGroups: [] }, "team { tools toolGroups { name } }");
  expect(freed["team"]).toEqual({ tools: ["files/*"], toolGroups: [] });
  expect((await retire(one)).__typename).toBe("RetireToolGroupSucceeded");
  expect(await retire(one)).toMatchObject({ __typename: "NotFound", scope: `tool-group/${one}` });
});

test("a group that is not there is named, whoever shall have it", async () => {
  const teamId = idOf(await run("createTeam", { name: "dangling" }, "team { id }"), "team");
  const keyId = idOf(await run("issueKey", { name: "dangling", teamId }, "key { id }"), "key");
  const missing = { __typename: "ReferenceMissing", scope: "tool-group/nowhere" };
  const toolGroups = ["nowhere"];
  expect(await run("createTeam", { name: "other", toolGroups }, "team { id }")).toMatchObject(missing);
  expect(await run("changeTeam", { id: teamId, toolGroups }, "team { id }")).toMatchObject(missing);
  expect(await run("issueKey", { name: "other", teamId, toolGroups }, "key { id }")).toMatchObject(missing);
  expect(await run("changeKey", { id: keyId, toolGroups }, "key { id }")).toMatchObject(missing);
  expect(await run("changeTeam", { id: "0123456789abcdef" }, "team { id }")).toMatchObject({ __typename: "NotFound" });
});
