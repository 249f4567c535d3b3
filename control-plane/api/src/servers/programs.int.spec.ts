// Guarantees of servers over stdio in the admin API: what is secret of a program's environment is in no event and no answer,
// what belongs to an address is refused, and only whoever may run programs makes, changes or applies one.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startAdminApi, type AdminApi } from "../admin-api.fixture.ts";
import { applyConfiguration } from "../configuration/apply.ts";
import { foldStream } from "../log/fold-stream.ts";
import { head } from "../log/read.ts";
import { commandServer } from "./server-command.ts";
import { serverDecider } from "./server.decider.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("programs");
});

afterAll(() => api?.close());

type Result = {
  __typename: string;
  message?: string;
  field?: string;
  server: { id: string } & Record<string, unknown>;
};
const fields = `server { id transport url command workingDirectory era isolation catalogue headers { name }
  environment { name plain prefix secretId } }`;

/** The fields are this spec's own, so what they hold is known. */
const run = async (mutation: "registerServer" | "changeServer", input: object): Promise<Result> =>
  (await api.mutate(mutation, input, fields)) as Result;

const program = {
  transport: "STDIO",
  command: ["npx", "-y", "server"],
  environment: [
    { name: "LEVEL", plain: "info" },
    { name: "TOKEN", value: "planted-variable-4e1" },
  ],
  workingDirectory: "/srv",
  ...{ era: "LEGACY", isolation: "SESSION", catalogue: "PINNED" },
};
const storedValue = async (id: string): Promise<string> => {
  const [stored] = await api.plane.secretStore.fetch(api.plane.database.sql, [id]);
  return Buffer.from(stored?.value ?? []).toString();
};

test("a program is shown whole but for its secrets, which are in no event, answer or log line", async () => {
  const { server, __typename } = await run("registerServer", { name: "files", ...program });
  expect(__typename).toBe("RegisterServerSucceeded");
  const [level, token] = server["environment"] as { secretId: string }[];
  expect(server).toMatchObject({
    ...{ transport: "STDIO", url: "", headers: [], command: program.command, workingDirectory: "/srv" },
    ...{ era: "LEGACY", isolation: "SESSION", catalogue: "PINNED" },
  });
  expect(level).toEqual({ name: "LEVEL", plain: "info", prefix: "", secretId: null });
  expect(await storedValue(token?.secretId ?? "")).toBe("planted-variable-4e1");
  const hits = await api.plane.database.sql.query(
    "SELECT 1 FROM log.event WHERE position(convert_to($1, 'UTF8') IN record) > 0",
    ["planted-variable-4e1"],
  );
  expect([hits, JSON.stringify(server).includes("planted"), api.logged().includes("planted")]).toEqual([
    [],
    false,
    false,
  ]);

  const changed = await run("changeServer", { id: server.id, environment: [{ name: "LEVEL", plain: "debug" }] });
  expect(changed.server).toMatchObject({ command: program.command, environment: [{ plain: "debug" }] });
  expect(await storedValue(token?.secretId ?? "")).toBe("");
});

test("another transport takes away what the former had for itself, its secrets included", async () => {
  const { server } = await run("registerServer", {
    ...{ name: "moves", url: "https://m.example/mcp", headers: [{ name: "X-Key", value: "planted-header" }] },
    allowPrivateNetwork: true,
  });
  const { id } = server;
  const secret = (await foldStream(api.plane.database.sql, serverDecider, id))?.headers[0]?.secretId ?? "";
  expect(await storedValue(secret)).toBe("planted-header");
  const moved = await run("changeServer", { id, transport: "STDIO", command: ["a"] });
  expect(moved.server).toMatchObject({ transport: "STDIO", url: "", headers: [], command: ["a"] });
  expect(await storedValue(secret)).toBe("");
  const back = await run("changeServer", { id, transport: "SSE", url: "https://m.example/sse" });
  expect(back.server).toMatchObject({ transport: "SSE", command: [] });
});

test.each([
  ["a program without a command", { transport: "STDIO" }, "command"],
  ["a program with an address", { ...program, url: "https://x.example" }, "url"],
  ["a program that may dial private networks", { ...program, allowPrivateNetwork: true }, "allowPrivateNetwork"],
  ["an address with a command", { url: "https://x.example", command: ["a"] }, "command"],
  ["an address that is none", { transport: "SSE" }, "url"],
  ["two sources of a variable", { ...program, environment: [{ name: "A", plain: "x", value: "y" }] }, "environment[0]"],
  ["no source of a variable", { ...program, environment: [{ name: "A" }] }, "environment[0]"],
  ["a name that is none", { ...program, environment: [{ name: "A B", plain: "x" }] }, "environment[0].name"],
])("refused: %s", async (_, input, field) => {
  expect(await run("registerServer", { name: "bad", ...input })).toMatchObject({ __typename: "InvalidInput", field });
});

describe("who may not run programs", () => {
  const meta = { actor: "spec", timeMs: 1, mayRunPrograms: false };
  const denied = { code: "auth.permission-denied", detail: expect.stringContaining("servers:stdio") };
  const changing = (id: string) =>
    commandServer(api.plane, meta, {
      ...{ name: "owned", credentials: {}, answer: () => ({}) },
      command: () => ({ kind: "change", id, settings: { timeoutSeconds: 3 } }),
    });

  test("does not change one, whatever he would change of it, and retires it", async () => {
    const { server } = await run("registerServer", { name: "owned", ...program });
    const { position } = await head(api.plane.database.sql);
    await expect(changing(server.id)).rejects.toMatchObject(denied);
    expect((await head(api.plane.database.sql)).position).toBe(position);
    const { outcome } = await commandServer(api.plane, meta, {
      ...{ name: "owned", credentials: { headers: [], environment: [] }, answer: () => ({}) },
      command: () => ({ kind: "retire", id: server.id }),
    });
    expect(outcome).toBe("accepted");
  });

  test("applies no file that makes one, also as a dry run", async () => {
    const text = "version: 1\nservers:\n  - { name: applied, command: [npx] }\n";
    for (const dryRun of [true, false]) {
      const request = { text, fileName: "t.yaml", resolve: () => undefined, dryRun, prune: false };
      await expect(applyConfiguration(api.plane, meta, request)).rejects.toMatchObject(denied);
      expect(await applyConfiguration(api.plane, { ...meta, mayRunPrograms: true }, request)).toMatchObject({
        ...{ outcome: "applied", isApplied: !dryRun },
      });
    }
  });
});
