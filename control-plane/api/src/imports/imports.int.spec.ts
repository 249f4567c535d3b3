// Guarantees of importing a client's server list, over HTTP on a real PostgreSQL and at the start: all of it or nothing, twice
// is once, no credential of it in an event, an answer or a log line, and no name is pointed elsewhere without being told to.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { importAtStart } from "../bootstrap.ts";
import { holderOf } from "../log/names.ts";
import { foldStream } from "../log/fold-stream.ts";
import { head } from "../log/read.ts";
import { serverDecider } from "../servers/server.decider.ts";
import { importServers } from "./import-servers.ts";

let api: AdminApi;
let dir: string;

beforeAll(async () => {
  api = await startAdminApi("imports", { TOLLGATE_SECRET_X: "of-the-server" });
  dir = await mkdtemp(join(tmpdir(), "tollgate-import-"));
});

afterAll(async () => {
  await api?.close();
  await rm(dir, { recursive: true, force: true });
});

type Row = { name: string; from: string; action: string; fields: string[]; secrets: string[] };
type Imported = {
  __typename: string;
  servers: Row[];
  isApplied: boolean;
  position: string;
  message: string;
  problems: { server: string | null; message: string }[];
};
type Options = { variables?: { name: string; value: string }[]; replace?: boolean; dryRun?: boolean };

async function run(mcpServers: object, options: Options = {}): Promise<Imported> {
  const { result } = await api.admin.run<{ result: Imported }>(
    `mutation ($input: ImportServersInput!) { result: importServers(input: $input) { __typename
      ... on ImportServersSucceeded { servers { name from action fields secrets } isApplied position }
      ... on ImportRefused { message problems { server message } } } }`,
    { input: { json: JSON.stringify({ mcpServers }), ...options } },
  );
  return result;
}

const position = async (): Promise<bigint> => (await head(api.plane.database.sql)).position;
const serverNamed = async (name: string) => {
  const id = await holderOf(api.plane.database.sql, "server", name);
  return id === undefined ? undefined : foldStream(api.plane.database.sql, serverDecider, id);
};
const valueOf = async (id: string): Promise<string> => {
  const [stored] = await api.plane.secretStore.fetch(api.plane.database.sql, [id]);
  return Buffer.from(stored?.value ?? []).toString();
};

const list = {
  "My Files": { command: "npx", args: ["-y", "server-files", "/srv"], env: { LEVEL: "info", API_TOKEN: "${TOKEN}" } },
  github: { type: "http", url: "https://github.example/mcp", headers: { Authorization: "Bearer ${TOKEN}" } },
};
const variables = [{ name: "TOKEN", value: "planted-import-token" }];

test("a list is one commit; imported again it changes nothing; its credentials are in the secret store alone", async () => {
  const before = await position();
  const dry = await run(list, { variables, dryRun: true });
  expect(dry).toMatchObject({ isApplied: false, position: before.toString() });
  const done = await run(list, { variables });
  expect(done.servers).toEqual([
    { name: "my-files", from: "My Files", action: "CREATE", fields: [], secrets: ["API_TOKEN"] },
    { name: "github", from: "github", action: "CREATE", fields: [], secrets: ["Authorization"] },
  ]);
  expect(dry.servers).toEqual(done.servers);
  const { sql } = api.plane.database;
  expect(await sql.query("SELECT DISTINCT commit FROM log.event WHERE position > $1", [before])).toEqual([
    { commit: BigInt(done.position) },
  ]);
  const files = await serverNamed("my-files");
  expect(files).toMatchObject({ command: ["npx", "-y", "server-files", "/srv"], requires: ["server-transport"] });
  expect(files?.environment.map(({ name, value }) => [name, value])).toEqual([
    ["LEVEL", "info"],
    ["API_TOKEN", ""],
  ]);
  expect(await valueOf(files?.environment[1]?.secretId ?? "")).toBe("planted-import-token");
  const github = await serverNamed("github");
  expect(github?.headers[0]).toMatchObject({ name: "Authorization", prefix: "Bearer " });
  expect(await valueOf(github?.headers[0]?.secretId ?? "")).toBe("planted-import-token");

  const again = await run(list, { variables });
  expect(again.servers.map(({ action }) => action)).toEqual(["NONE", "NONE"]);
  expect(again.position).toBe(done.position);
  const hits = await sql.query(
    "SELECT 1 FROM log.event WHERE position(convert_to('planted-import', 'UTF8') IN record) > 0",
  );
  expect([hits, JSON.stringify([dry, done, again]).includes("planted"), api.logged().includes("planted")]).toEqual([
    ...[[], false, false],
  ]);
});

test("a new value is a change; what a list cannot say stays as it was set", async () => {
  const id = (await serverNamed("github"))?.id ?? "";
  await api.mutate("changeServer", { id, catalogue: "PINNED", timeoutSeconds: 7, era: "LEGACY" }, "server { id }");
  expect((await run(list, { variables })).servers.map(({ action }) => action)).toEqual(["NONE", "NONE"]);
  const changed = await run(list, { variables: [{ name: "TOKEN", value: "another" }] });
  expect(changed.servers.map(({ action, fields }) => [action, ...fields])).toEqual([
    ["CHANGE", "environment.API_TOKEN"],
    ["CHANGE", "headers.Authorization"],
  ]);
  expect(await serverNamed("github")).toMatchObject({ timeoutSeconds: 7, catalogue: 2, era: 1 });
});

test("a name that stands for another address or command is refused, and changed when it is asked for", async () => {
  const other = { github: { url: "https://elsewhere.example/mcp" }, fresh: { command: "a" } };
  const before = await position();
  const refused = await run(other);
  expect(refused).toMatchObject({ __typename: "ImportRefused", problems: [{ server: "github" }] });
  expect(await position()).toBe(before);
  expect((await run(other, { replace: true })).servers.map(({ action }) => action)).toEqual(["CHANGE", "CREATE"]);
  expect(await serverNamed("github")).toMatchObject({ url: "https://elsewhere.example/mcp", headers: [] });
  await run({ github: { command: "b" } }, { replace: true });
  expect(await serverNamed("github")).toMatchObject({ url: "", command: ["b"], timeoutSeconds: 7 });
});

test("one bad entry refuses the whole list, each problem named, and no environment but the given is read", async () => {
  const before = await position();
  const refused = await run({
    good: { command: "a" },
    bad: { command: "a", args: ["--token", "planted"] },
    worse: { url: "ftp://planted" },
    reading: { command: "a", env: { A: "${TOLLGATE_SECRET_X}" } },
  });
  expect(refused.problems.map(({ server }) => server)).toEqual(["bad", "worse", "reading"]);
  expect(refused.message.split("\n")).toHaveLength(3);
  expect(refused.message).not.toMatch(/planted|of-the-server/);
  expect(await run({ reading: { command: "${HOME}" } }, { variables })).toMatchObject({ __typename: "ImportRefused" });
  expect(await position()).toBe(before);
});

test("whoever may not run programs imports none", async () => {
  const json = JSON.stringify({ mcpServers: { forbidden: { command: "a" } } });
  const request = { json, lookup: undefined, replace: false, dryRun: false };
  await expect(importServers(api.plane, { actor: "spec", timeMs: 1 }, request)).rejects.toMatchObject({
    ...{ code: "auth.permission-denied" },
  });
  expect(await serverNamed("forbidden")).toBeUndefined();
});

test("at the start the file's word holds, and a second start changes nothing", async () => {
  const file = join(dir, "mcp.json");
  const write = (mcpServers: object) => writeFile(file, JSON.stringify({ mcpServers }));
  const start = { file, variable: (name: string) => (name === "TOKEN" ? "planted-at-start" : undefined) };
  const started = { command: "npx", args: ["one"], env: { TOKEN: "${TOKEN}" } };
  await write({ started });
  await importAtStart(api.plane, start);
  const before = await position();
  await importAtStart(api.plane, start);
  expect(await position()).toBe(before);
  await write({ started: { ...started, args: ["one", "two"] } });
  await importAtStart(api.plane, start);
  expect(await serverNamed("started")).toMatchObject({ command: ["npx", "one", "two"] });
  await write({ started: { command: "${NOWHERE}" } });
  await expect(importAtStart(api.plane, start)).rejects.toThrow(`${file}: The server \`started\` refers to`);
  await expect(importAtStart(api.plane, { ...start, file: join(dir, "none") })).rejects.toThrow(
    "cannot be read (ENOENT)",
  );
  expect(api.logged()).not.toContain("planted");
});
