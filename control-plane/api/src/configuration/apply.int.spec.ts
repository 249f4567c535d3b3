// Guarantees of applying a `tollgate.yaml`, over HTTP on a real PostgreSQL: all of it or nothing, twice is once, a dry run
// changes nothing, a prune retires what is not named and never an admin token, and every mistake has its line and column.

import { randomBytes } from "node:crypto";
import { parseKey } from "@tollgate/kernel/key-format";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { newKeyText, sha256Of } from "../keys/key-text.ts";
import { keyDecider } from "../keys/key.decider.ts";
import { foldStream } from "../log/fold-stream.ts";
import { head } from "../log/read.ts";
import { applyTo, done, type Applied, type Options } from "./apply.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("configuration", { TOLLGATE_SECRET_SHARED: "of-the-server", PATH: "/never/told" });
});

afterAll(() => api?.close());

const apply = (file: string, options: Options = {}): Promise<Applied> => applyTo(api.admin, file, options);

async function position(): Promise<bigint> {
  return (await head(api.plane.database.sql)).position;
}

const whole = `version: 1
teams:
  - { name: engineering }
  - { name: finance }
servers:
  - name: files
    url: https://files.example/mcp
    headers: { Authorization: { env: GH_TOKEN, prefix: "Bearer " }, X-Shared: { env: TOLLGATE_SECRET_SHARED } }
keys:
  - { name: alice, team: engineering, tools: ["files/*"] }
  - { name: robot, team: finance, purpose: service, secret: { env: ROBOT } }
`;
const robot = newKeyText(randomBytes, "svc");
const variables = { GH_TOKEN: "planted-github-token", ROBOT: robot.text };

test("a dry run says what would be done, and changes nothing", async () => {
  const before = await position();
  const planned = await apply(whole, { variables, dryRun: true });
  expect(planned).toMatchObject({ __typename: "ApplyConfigurationSucceeded", isApplied: false, issued: [] });
  expect(done(planned).sort()).toEqual([
    "CREATE key alice",
    "CREATE key robot",
    "CREATE server files",
    "CREATE team engineering",
    "CREATE team finance",
  ]);
  expect(await position()).toBe(before);
});

test("a file is one commit; applied again it changes nothing and tells no secret", async () => {
  const before = await position();
  const applied = await apply(whole, { variables });
  expect(applied.isApplied).toBe(true);
  expect(applied.issued.map(({ name }) => name)).toEqual(["alice"]);
  const [alice] = applied.issued;
  expect(parseKey(alice?.secret ?? "")?.kind).toBe("key");
  const commits = await api.plane.database.sql.query<{ commit: bigint }>(
    "SELECT DISTINCT commit FROM log.event WHERE position > $1",
    [before],
  );
  expect(commits).toEqual([{ commit: BigInt(applied.position) }]);
  const key = await foldStream(api.plane.database.sql, keyDecider, robot.id);
  expect(Buffer.from(key?.secrets[0]?.sha256 ?? [])).toEqual(Buffer.from(sha256Of(robot.text)));

  const again = await apply(whole, { variables });
  expect(done(again)).toEqual([]);
  expect(again).toMatchObject({ issued: [], position: applied.position });
  expect(await position()).toBe(BigInt(applied.position));
  expect(JSON.stringify([applied, again]) + api.logged()).not.toContain("planted-github-token");
});

test("a new value of a header is a change of its server; the position moves once", async () => {
  const changed = await apply(whole, { variables: { ...variables, GH_TOKEN: "another" } });
  expect(changed.plan.find(({ name }) => name === "files")).toEqual({
    ...{ action: "CHANGE", kind: "server", name: "files" },
    fields: ["headers.Authorization"],
    stays: null,
  });
  expect(done(await apply(whole, { variables: { ...variables, GH_TOKEN: "another" } }))).toEqual([]);
});

test("a supplied secret with another id replaces the key; the old one is revoked", async () => {
  const other = newKeyText(randomBytes, "svc");
  const replaced = await apply(whole, { variables: { ...variables, GH_TOKEN: "another", ROBOT: other.text } });
  expect(done(replaced)).toEqual(["CHANGE key robot"]);
  const { sql } = api.plane.database;
  expect((await foldStream(sql, keyDecider, robot.id))?.revokedAtMs).toBeDefined();
  expect(await foldStream(sql, keyDecider, other.id)).toMatchObject({ name: "robot" });
});

test("a revoked key that a file still names stays revoked and is told; the rest of the file is applied", async () => {
  const { sql } = api.plane.database;
  const [former] = await sql.query("SELECT stream FROM log.name WHERE kind = 'key' AND name = 'robot'");
  const file = whole.replace("{ name: finance }", "{ name: finance }\n  - { name: research }");
  const options = { variables: { ...variables, GH_TOKEN: "another" } };
  const planned = await apply(file, { ...options, dryRun: true, prune: true });
  const back = await apply(file, { ...options, prune: true });
  for (const { plan } of [planned, back])
    expect(plan.find(({ name }) => name === "robot")).toEqual({
      ...{ action: "NONE", kind: "key", name: "robot", fields: [], stays: "REVOKED" },
    });
  expect(done(back)).toEqual(["CREATE team research"]);
  expect((await foldStream(sql, keyDecider, robot.id))?.revokedAtMs).toBeDefined();
  // A process that starts with an old file must not take away the key that replaced the revoked one.
  expect(await sql.query("SELECT stream FROM log.name WHERE kind = 'key' AND name = 'robot'")).toEqual([former]);
});

test("a key that a file has expire in the past is not made; one that lives is not left without its expiry", async () => {
  const fileOf = (name: string): string =>
    `${whole}  - { name: ${name}, team: finance, expiresAt: "2020-01-01T00:00:00Z" }\n`;
  const options = { variables: { ...variables, GH_TOKEN: "another" } };
  const applied = await apply(fileOf("over"), options);
  expect(done(applied)).toEqual([]);
  expect(applied.plan.find(({ name }) => name === "over")).toMatchObject({ action: "NONE", stays: "EXPIRED" });
  await apply(`${whole}  - { name: over, team: finance }\n`, options);
  const refused = await apply(fileOf("over"), options);
  expect(refused.issues[0]).toMatchObject({ line: 12, path: "keys[2]" });
  await apply(`${whole}`, { ...options, prune: true });
});

test.each([
  ["an unknown field", "version: 1\nteams:\n  - { name: a, nmae: b }\n", 3, 16],
  ["a dangling reference", "version: 1\nteams: [{ name: a }]\nkeys:\n  - { name: k, team: b }\n", 4, 22],
  [
    "a variable that is not set",
    "version: 1\nservers:\n  - { name: s, url: https://s.example, headers: { A: { env: NOPE } } }\n",
    3,
    61,
  ],
  [
    "a variable of the server's own environment",
    "version: 1\nservers:\n  - { name: s, url: https://s.example, headers: { A: { env: PATH } } }\n",
    3,
    61,
  ],
  ["what is no YAML", "version: 1\nteams: [\n", 3, 1],
])("%s stops the whole file, with its line and column", async (_, file, line, column) => {
  const before = await position();
  const refused = await apply(file);
  expect(refused.__typename).toBe("ConfigurationInvalid");
  expect(refused.issues[0]).toMatchObject({ line, column });
  expect(refused.message).toContain(`t.yaml:${line}:${column}: `);
  expect(refused.message).not.toContain("/never/told");
  expect(await position()).toBe(before);
});

test("what the file's own check cannot see is refused at its place, and nothing is applied by half", async () => {
  const before = await position();
  const file = `version: 1
teams: [{ name: new-team }]
servers:
  - { name: other, url: https://o.example, headers: { A: { secret: not-there } } }
`;
  const refused = await apply(file);
  expect(refused.issues[0]).toMatchObject({ line: 4, path: "servers[0]" });
  expect(await position()).toBe(before);
  expect((await apply(file, { dryRun: true })).__typename).toBe("ConfigurationInvalid");
});

test("without prune nothing goes; with it all that is not named goes, in one commit, but no admin token", async () => {
  const small = "version: 1\nteams: [{ name: engineering }]\n";
  expect(done(await apply(small))).toEqual([]);
  const { sql } = api.plane.database;
  const [values] = await sql.query<{ count: bigint }>("SELECT count(*) FROM secret.value");
  expect(values?.count).toBe(2n);
  const pruned = await apply(small, { prune: true });
  expect(done(pruned).sort()).toEqual([
    "RETIRE key alice",
    "RETIRE key robot",
    "RETIRE server files",
    "RETIRE team finance",
  ]);
  expect(await sql.query("SELECT 1 FROM secret.value")).toEqual([]);
  expect(done(await apply(small, { prune: true }))).toEqual([]);
});

test("two that apply different files at once leave one of them, or both, and never a mixture", async () => {
  const fileOf = (name: string): string =>
    `version: 1\nteams: [{ name: ${name} }]\nkeys:\n  - { name: contested, team: ${name}, tools: [] }\n`;
  const results = await Promise.all(["red", "blue"].map((name) => apply(fileOf(name))));
  expect(results.some(({ isApplied }) => isApplied)).toBe(true);
  const keys = await api.plane.database.sql.query("SELECT 1 FROM log.name WHERE kind = 'key' AND name = 'contested'");
  expect(keys).toHaveLength(1);
});

test("an environment's bound is set by the file and changed by it, and shows where it is asked for", async () => {
  const bounded = (ms: number) => `version: 1\nenvironments:\n  - { name: staging, replicaAgeMsMax: ${ms} }\n`;
  expect(done(await apply(bounded(90_000)))).toEqual(["CREATE environment staging"]);
  expect(done(await apply(bounded(90_000)))).toEqual([]);
  const changed = await apply(bounded(120_000));
  expect(changed.plan).toMatchObject([{ action: "CHANGE", name: "staging", fields: ["replicaAgeMsMax"] }]);
  type Found = { environments: { nodes: { id: string; name: string; replicaAgeMsMax: string | null }[] } };
  const list = (atLeast: string) =>
    api.admin.run<Found>(
      `query ($atLeast: Position) { environments(atLeast: $atLeast) { nodes { id name replicaAgeMsMax } } }`,
      { atLeast },
    );
  const { environments } = await list(changed.position);
  expect(environments.nodes).toMatchObject([{ name: "staging", replicaAgeMsMax: "120000" }]);
  type Answer = { result: { __typename: string; position: string; environment: unknown } };
  const unset = await api.admin.run<Answer>(
    `mutation { result: setEnvironment(input: { name: "staging" }) {
       __typename ... on SetEnvironmentSucceeded { environment { id name replicaAgeMsMax } position } } }`,
  );
  const id = environments.nodes[0]?.id;
  expect(unset.result.environment).toEqual({ id, name: "staging", replicaAgeMsMax: null });
  const retired = await api.admin.run<Answer>(
    `mutation ($id: ID!) { result: retireEnvironment(id: $id) { __typename ... on RetireEnvironmentSucceeded { position } } }`,
    { id },
  );
  expect((await list(retired.result.position)).environments.nodes).toEqual([]);
});

const grouped = `version: 1
toolGroups:
  - { name: research, tools: ["files/read_*", "prompt:github/*"], naming: none }
teams: [{ name: bound, tools: [group:research, "jira/*"] }]
keys: [{ name: grouped, team: bound, tools: [group:research] }]
servers:
  - name: program
    command: [npx, -y, server]
    environment: { LEVEL: info, TOKEN: { env: GH_TOKEN } }
    catalogue: pinned
`;

test("groups come before those that have them and go after them; the file applied again changes nothing", async () => {
  const options = { variables: { GH_TOKEN: "planted-github-token" } };
  const first = await apply(grouped, options);
  expect(done(first)).toEqual([
    ...["CREATE tool-group research", "CREATE team bound", "CREATE key grouped", "CREATE server program"],
  ]);
  expect(done(await apply(grouped, options))).toEqual([]);
  const changed = await apply(
    grouped
      .replace("naming: none", "eras: [modern]")
      .replace('group:research, "jira/*"', "group:research")
      .replace("tools: [group:research] }]\nservers", 'tools: ["files/*"] }]\nservers')
      .replace("LEVEL: info", "LEVEL: debug"),
    { variables: { GH_TOKEN: "another" } },
  );
  expect(changed.plan.map(({ action, name, fields }) => [action, name, ...fields])).toEqual([
    ["CHANGE", "research", "naming", "eras"],
    ["CHANGE", "bound", "tools"],
    ["CHANGE", "grouped", "tools"],
    ["CHANGE", "program", "environment"],
  ]);
  const value = await apply(grouped, options);
  expect(value.plan.find(({ name }) => name === "program")?.fields).toEqual(["environment"]);
  const renewed = await apply(grouped, { variables: { GH_TOKEN: "a-third" } });
  expect(renewed.plan.find(({ name }) => name === "program")?.fields).toEqual(["environment.TOKEN"]);
  const pruned = await apply("version: 1\n", { prune: true });
  for (const gone of ["tool-group research", "team bound", "key grouped", "server program"])
    expect(done(pruned)).toContain(`RETIRE ${gone}`);
});
