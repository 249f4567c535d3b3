// Guarantees of reads that follow an id: one resource by its id, null where there is none, and the team of each key of a page
// with one query for all of them. Without the last a page of 500 keys would be 501 queries, for every screen that shows one.

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { AbstractLogger } from "typeorm";
import { AdminError } from "../../../../test/support/admin-client.ts";
import { until } from "../../../../test/support/wait.ts";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("look_ups");
});

afterAll(() => {
  return api?.close();
});

class Queries extends AbstractLogger {
  readonly texts: string[] = [];
  override logQuery(text: string): void {
    this.texts.push(text);
  }
  protected override writeLog(): void {}
}

type Made = { id: string; position: string };

async function made(mutation: string, member: string): Promise<Made> {
  const { result } = await api.admin.run<{ result: { position: string } & Record<string, { id: string }> }>(
    `mutation { result: ${mutation} { ... on Refusal { message }
      ... on ${mutation.charAt(0).toUpperCase()}${mutation.slice(1, mutation.indexOf("("))}Succeeded {
        position ${member} } } }`,
  );
  const id = result[member.split(" ")[0] ?? ""]?.id;
  if (id === undefined) throw new Error(`${mutation}: ${JSON.stringify(result)}`);
  return { id, position: result.position };
}

const newTeam = (name: string): Promise<Made> => made(`createTeam(input: { name: "${name}" })`, "team { id }");
const newKey = (name: string, teamId: string): Promise<Made> =>
  made(`issueKey(input: { name: "${name}", teamId: "${teamId}" })`, "key { id }");

const one = `query ($id: ID!, $at: Position) {
  team(id: $id, atLeast: $at) { id name }
  key(id: $id, atLeast: $at) { id name status team { id name } }
  server(id: $id, atLeast: $at) { id name url } }`;

test("one resource by its id, as soon as it is written; null for what is not there or of another kind", async () => {
  const team = await newTeam("one");
  const key = await newKey("one", team.id);
  const server = await made(`registerServer(input: { name: "one", url: "https://one.example/mcp" })`, "server { id }");
  const read = ({ id, position }: Made): Promise<unknown> => api.admin.run(one, { id, at: position });
  const none = { team: null, key: null, server: null };
  expect(await read(team)).toEqual({ ...none, team: { id: team.id, name: "one" } });
  expect(await read(key)).toEqual({
    ...none,
    key: { id: key.id, name: "one", status: "ACTIVE", team: { id: team.id, name: "one" } },
  });
  expect(await read(server)).toEqual({
    ...none,
    server: { id: server.id, name: "one", url: "https://one.example/mcp" },
  });
  expect(await read({ ...server, id: idFromBytes(randomBytes(idBytes)) })).toEqual(none);
});

test("what has ended is gone, but for a revoked key, which says so and still names its retired team", async () => {
  const team = await newTeam("ended");
  const key = await newKey("ended", team.id);
  const run = (text: string): Promise<{ result: { position: string } }> =>
    api.admin.run(`mutation { result: ${text} }`);
  await run(`revokeKey(id: "${key.id}") { ... on RevokeKeySucceeded { position } }`);
  const { result } = await run(`retireTeam(id: "${team.id}") { ... on RetireTeamSucceeded { position } }`);
  expect(await api.admin.run(one, { id: team.id, at: result.position })).toMatchObject({ team: null });
  expect(await api.admin.run(one, { id: key.id, at: result.position })).toMatchObject({
    key: { status: "REVOKED", team: { name: "ended" } },
  });
});

test("a position beyond the log is an error here as in lists", async () => {
  const error: unknown = await api.admin.run(one, { id: "x", at: "999999999" }).catch((reason: unknown) => reason);
  expect(error instanceof AdminError && error.errors[0]?.extensions?.["code"]).toBe("read.behind");
});

test("a page of keys names the team of each with one query more", async () => {
  const teams = await Promise.all(["red", "green", "blue"].map(newTeam));
  let last = "0";
  for (let n = 0; n < 12; n++) ({ position: last } = await newKey(`page-${n}`, teams[n % 3]?.id ?? ""));
  const queries = new Queries();
  const { dataSource } = api.plane.database;
  const { logger } = dataSource;
  dataSource.logger = queries;
  try {
    const { keys } = await api.admin.run<{ keys: { nodes: { name: string; team: { name: string } }[] } }>(
      "query ($at: Position) { keys(first: 100, atLeast: $at) { nodes { name team { id name } } } }",
      { at: last },
    );
    const pages = keys.nodes.filter(({ name }) => name.startsWith("page-"));
    expect(pages).toHaveLength(12);
    for (const { name, team } of pages)
      expect(team.name).toBe(["red", "green", "blue"][Number(name.slice("page-".length)) % 3]);
  } finally {
    dataSource.logger = logger;
  }
  expect(queries.texts).toHaveLength(2);
});

test("a team that the read side does not show yet is waited for, and never missing", async () => {
  const { database } = api.plane;
  let answering: Promise<unknown> | undefined;
  await database.transaction(async (sql) => {
    // The projection of teams cannot write; everybody can read.
    await sql.query("LOCK TABLE teams_v1.resource IN EXCLUSIVE MODE");
    const team = await newTeam("late");
    answering = api.admin.run(
      `mutation { issueKey(input: { name: "late", teamId: "${team.id}" }) {
        ... on IssueKeySucceeded { key { team { name } } } } }`,
    );
    await until(
      async () => {
        const [seen] = await database.sql.query<{ waits: boolean; isIssued: boolean }>(
          `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'teams_v1.resource'::regclass) AS waits,
             EXISTS (SELECT FROM log.name WHERE kind = 'key' AND name = 'late') AS "isIssued"`,
        );
        return seen?.waits && seen.isIssued;
      },
      { what: "the key to be issued while the projection waits" },
    );
  });
  expect(await answering).toEqual({ issueKey: { key: { team: { name: "late" } } } });
});
