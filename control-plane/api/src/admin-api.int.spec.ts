// Guarantees of the admin API over HTTP, on a real PostgreSQL: nothing without a token, a secret told once and stored
// nowhere, refusals by name that change nothing, reads that can wait for a write, errors with codes and without values.

import { parseKey } from "@tollgate/kernel/key-format";
import { isUnionType } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminClient, AdminError } from "../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "./admin-api.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("admin_api");
});

afterAll(() => {
  return api?.close();
});

type Result = { __typename: string; position?: string } & Record<string, unknown>;

/** Which refusals each mutation has, and what they say besides their message. */
const refusalFields: Readonly<Record<string, string>> = {
  InvalidInput: "field",
  NotFound: "scope",
  NameTaken: "name",
  InUse: "by",
  ReferenceMissing: "scope",
  AlreadyRevoked: "revokedAt",
};

/** Runs one mutation with one input and answers the union's member. */
async function run(mutation: string, input: Record<string, unknown>, fields: string): Promise<Result> {
  const name = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`;
  const union = api.schema.getType(`${name}Result`);
  const members = isUnionType(union) ? union.getTypes().map((member) => member.name) : [];
  const refusals = members.flatMap((member) =>
    refusalFields[member] === undefined ? [] : [`... on ${member} { message ${refusalFields[member]} }`],
  );
  const takesId = api.schema.getMutationType()?.getFields()[mutation]?.args[0]?.name === "id";
  const [type, argument] = takesId ? ["ID!", "id: $input"] : [`${name}Input!`, "input: $input"];
  const { result } = await api.admin.run<{ result: Result }>(
    `mutation ($input: ${type}) { result: ${mutation}(${argument}) {
      __typename ... on ${name}Succeeded { position ${fields} } ${refusals.join(" ")} } }`,
    { input: takesId ? input["id"] : input },
  );
  return result;
}

async function newTeam(name: string): Promise<string> {
  const { team } = await run("createTeam", { name }, "team { id name }");
  return String((team as { id: string }).id);
}

type KeyAnswer = { id: string; name: string; status: string; expiresAt: string | null; tools: string[] };
const keyFields = "key { id name status tools expiresAt revokedAt formerSecretValidUntil }";

function keyOf(result: Result): KeyAnswer {
  return result["key"] as KeyAnswer;
}

async function failure(query: string, variables?: Record<string, unknown>): Promise<AdminError["errors"]> {
  try {
    await api.admin.run(query, variables);
  } catch (error) {
    if (error instanceof AdminError) return error.errors;
    throw error;
  }
  throw new Error("the query was answered");
}

test.each([undefined, "nonsense", "tg_adm_0000000000000000_x"])(
  "without a token that is known, %s, nothing is answered",
  async (token) => {
    const client = new AdminClient(api.url, token);
    for (const query of [
      "{ log { position } }",
      "{ __schema { types { name } } }",
      "{ __typename }",
      "{ nonsense }",
      "{",
    ]) {
      const { status, body } = await client.send(query);
      expect(status).toBe(401);
      expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: "auth.token-refused" } }] });
      expect(body).not.toContain("Query");
    }
  },
);

test("a key is issued, read at its position, and revoked: its secret is told once and its name is free again", async () => {
  const teamId = await newTeam("issue");
  const issued = await run("issueKey", { name: "alice", teamId, tools: ["files/*"] }, `${keyFields} secret`);
  const key = keyOf(issued);
  expect(issued.__typename).toBe("IssueKeySucceeded");
  expect(parseKey(String(issued["secret"]))).toMatchObject({ kind: "key", id: key.id });

  const list = `query ($at: Position, $filter: KeyFilter) { keys(filter: $filter, atLeast: $at) {
    edges { cursor node { id name status tools teamId } } pageInfo { hasNextPage } } }`;
  const read = await api.admin.run<{ keys: { edges: { node: KeyAnswer }[] } }>(list, {
    at: issued.position,
    filter: { name: "alice" },
  });
  expect(read.keys.edges.map(({ node }) => node)).toEqual([
    { id: key.id, name: "alice", status: "ACTIVE", tools: ["files/*"], teamId },
  ]);
  expect(JSON.stringify(read)).not.toContain(String(issued["secret"]));

  expect(await run("issueKey", { name: "alice", teamId }, keyFields)).toMatchObject({
    __typename: "NameTaken",
    name: "alice",
  });
  const revoked = await run("revokeKey", { id: key.id }, keyFields);
  expect(keyOf(revoked).status).toBe("REVOKED");
  expect((await run("revokeKey", { id: key.id }, keyFields)).__typename).toBe("AlreadyRevoked");
  expect((await run("rotateKey", { id: key.id }, keyFields)).__typename).toBe("AlreadyRevoked");
  const after = await api.admin.run<{ keys: { edges: unknown[] } }>(list, {
    at: revoked.position,
    filter: { name: "alice" },
  });
  expect(after.keys.edges).toEqual([]);
  const again = await run("issueKey", { name: "alice", teamId, purpose: "SERVICE" }, `${keyFields} secret`);
  expect(parseKey(String(again["secret"]))).toMatchObject({ kind: "svc" });
});

test("a rotated key keeps its id; a key that expired says so", async () => {
  const teamId = await newTeam("rotate");
  const expiresAt = new Date(api.plane.nowMs() + 3_600_000).toISOString();
  const issued = await run("issueKey", { name: "rotating", teamId, expiresAt }, `${keyFields} secret`);
  const { id } = keyOf(issued);
  const rotated = await run("rotateKey", { id, overlapSeconds: 60 }, `${keyFields} secret`);
  expect(parseKey(String(rotated["secret"]))?.id).toBe(id);
  expect(rotated["secret"]).not.toBe(issued["secret"]);
  expect(rotated["key"]).toMatchObject({ formerSecretValidUntil: expect.stringMatching(/^20/) });
  expect(await run("rotateKey", { id, overlapSeconds: -1 }, keyFields)).toMatchObject({ field: "overlapSeconds" });
  expect(await run("changeKey", { id, tools: ["no-slash"] }, keyFields)).toMatchObject({ field: "tools[0]" });
  api.passMs(3_600_001);
  const read = await api.admin.run<{ keys: { edges: { node: KeyAnswer }[] } }>(
    `query ($id: ID!, $at: Position) { keys(filter: { id: $id }, atLeast: $at) { edges { node { status } } } }`,
    { id, at: rotated.position },
  );
  expect(read.keys.edges).toEqual([{ node: { status: "EXPIRED" } }]);
  const changed = await run("changeKey", { id, expiresAt: null }, keyFields);
  expect(keyOf(changed)).toMatchObject({ status: "ACTIVE", expiresAt: null });
});

test("a team is not retired while a key needs it; what is not there is named", async () => {
  const teamId = await newTeam("needed");
  const { id } = keyOf(await run("issueKey", { name: "needs-team", teamId }, keyFields));
  expect(await run("retireTeam", { id: teamId }, "id")).toMatchObject({ __typename: "InUse", by: `key/${id}` });
  await run("revokeKey", { id }, keyFields);
  expect((await run("retireTeam", { id: teamId }, "id")).__typename).toBe("RetireTeamSucceeded");
  expect(await run("retireTeam", { id: teamId }, "id")).toMatchObject({ __typename: "NotFound" });
  expect(await run("issueKey", { name: "orphan", teamId }, keyFields)).toMatchObject({
    __typename: "ReferenceMissing",
    scope: `team/${teamId}`,
  });
  expect(await run("createTeam", { name: "Not A Name" }, "team { id }")).toMatchObject({ field: "name" });
  expect((await run("revokeKey", { id: "0000000000000000" }, keyFields)).__typename).toBe("NotFound");
});

test("a header's value is encrypted, goes with its server, and is in no answer, event or log line", async () => {
  const value = "planted-header-value-9f3c";
  const registered = await run(
    "registerServer",
    { name: "files", url: "https://files.example/mcp", headers: [{ name: "Authorization", prefix: "Bearer ", value }] },
    "server { id headers { name prefix secretId } }",
  );
  const server = registered["server"] as { id: string; headers: { secretId: string }[] };
  const secretId = server.headers[0]?.secretId ?? "";
  const { secretStore, database } = api.plane;
  const [stored] = await secretStore.fetch(database.sql, [secretId]);
  expect(Buffer.from(stored?.value ?? []).toString()).toBe(value);
  expect(await run("eraseSecret", { id: secretId }, "id")).toMatchObject({
    __typename: "InUse",
    by: `server/${server.id}`,
  });

  const everything = await database.sql.query<{ hit: number }>(
    `SELECT 1 AS hit FROM log.event WHERE position(convert_to($1, 'UTF8') IN record) > 0
     UNION ALL SELECT 2 FROM secret.value WHERE position(convert_to($1, 'UTF8') IN sealed) > 0`,
    [value],
  );
  expect(everything).toEqual([]);
  expect(JSON.stringify(registered) + api.logged()).not.toContain(value);

  expect((await run("retireServer", { id: server.id }, "id")).__typename).toBe("RetireServerSucceeded");
  expect(await secretStore.fetch(database.sql, [secretId])).toEqual([]);
});

test.each(["ftp://files.example/", "files.example", "https://user:pw@files.example/", "http://"])(
  "a server's URL is http(s) and carries no credentials: %s",
  async (url) => {
    expect(await run("registerServer", { name: "bad", url }, "server { id }")).toMatchObject({ field: "url" });
  },
);

test("a stored secret gets a version with each value, and is erased for good", async () => {
  const fields = "secret { id version }";
  const first = await run("storeSecret", { name: "github", value: "one" }, fields);
  const { id } = first["secret"] as { id: string };
  expect((await run("storeSecret", { name: "github", value: "two" }, fields))["secret"]).toEqual({ id, version: 2 });
  const { secretStore, database } = api.plane;
  expect((await secretStore.fetch(database.sql, [id])).map(({ value }) => Buffer.from(value).toString())).toEqual([
    "two",
  ]);
  expect((await run("eraseSecret", { id }, "id")).__typename).toBe("EraseSecretSucceeded");
  expect(await secretStore.fetch(database.sql, [id])).toEqual([]);
});

test("an admin token works until it is revoked, and not one request longer", async () => {
  const issued = await run("issueAdminToken", { name: "ci" }, "secret adminToken { id }");
  const client = new AdminClient(api.url, String(issued["secret"]));
  await client.run("{ log { position } }");
  await run("revokeAdminToken", { id: (issued["adminToken"] as { id: string }).id }, "adminToken { id }");
  expect((await client.send("{ log { position } }")).body).toContain("auth.token-refused");
});

test("lists are pages: all of them together hold each row once", async () => {
  for (let n = 0; n < 7; n++) await newTeam(`page-${n}`);
  const { log } = await api.admin.run<{ log: { position: string } }>("{ log { position } }");
  type Page = { teams: { edges: { node: { name: string } }[]; pageInfo: { endCursor: string; hasNextPage: boolean } } };
  const names: string[] = [];
  for (let after: string | null = null, isMore = true; isMore;) {
    const { teams }: Page = await api.admin.run<Page>(
      `query ($after: String, $at: Position) { teams(first: 3, after: $after, atLeast: $at) {
        edges { node { name } } pageInfo { endCursor hasNextPage } } }`,
      { after, at: log.position },
    );
    names.push(...teams.edges.map(({ node }) => node.name));
    ({ endCursor: after, hasNextPage: isMore } = teams.pageInfo);
  }
  expect(names).toEqual([...new Set(names)].sort());
  expect(names.filter((name) => name.startsWith("page-"))).toHaveLength(7);
});

test("errors carry a code of the registry, and no value of the request", async () => {
  const planted = "planted-in-the-wrong-place";
  const cases: [string, Record<string, unknown> | undefined, string][] = [
    ["{", undefined, "request.invalid"],
    ["{ nonsense }", undefined, "request.invalid"],
    [`{ teams(first: "${planted}") { edges { cursor } } }`, undefined, "request.invalid"],
    ["query ($n: Int) { teams(first: $n) { edges { cursor } } }", { n: planted }, "request.invalid"],
    ["{ teams(first: 501) { edges { cursor } } }", undefined, "request.invalid"],
    ["{ teams(first: 0) { edges { cursor } } }", undefined, "request.invalid"],
    [`{ teams(after: "${planted}") { edges { cursor } } }`, undefined, "request.invalid"],
    [`{ teams(atLeast: "${planted}") { edges { cursor } } }`, undefined, "request.invalid"],
    ['{ teams(atLeast: "999999999") { edges { cursor } } }', undefined, "read.behind"],
    [`{ ${"a: log { position } ".repeat(600)} }`, undefined, "request.invalid"],
  ];
  for (const [query, variables, code] of cases) {
    const errors = await failure(query, variables);
    expect(
      errors.map(({ extensions }) => extensions?.["code"]),
      query,
    ).toContain(code);
    expect(JSON.stringify(errors)).not.toContain(planted);
  }
});

test("a body that is too large or not JSON is a clear error", async () => {
  const send = async (body: string): Promise<{ status: number; text: string }> => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${api.adminToken}` };
    const response = await fetch(`${api.url}/graphql`, { method: "POST", headers, body });
    return { status: response.status, text: await response.text() };
  };
  expect(await send("{nonsense")).toMatchObject({ status: 400, text: expect.stringContaining("request.invalid") });
  const huge = await send(JSON.stringify({ query: " ".repeat(9 * 1024 * 1024) }));
  expect(huge).toMatchObject({ status: 413, text: expect.stringContaining("request.too-large") });
});

test("introspection works with a token: tools can be generated from it", async () => {
  const schema = await api.admin.run<{ __schema: { types: { name: string }[] } }>("{ __schema { types { name } } }");
  expect(schema.__schema.types.map(({ name }) => name)).toContain("Key");
});

test("health and metrics: what a balancer and an operator look at", async () => {
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${api.url}/readyz`)).status).toBe(200);
  expect((await fetch(`${api.url}/metrics`)).status).toBe(404);
  const metrics = await fetch(`${api.adminUrl}/metrics`);
  expect(await metrics.text()).toContain("tollgate_log_position");
});
