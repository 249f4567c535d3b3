// `npm start` as a person types it: the whole embedded stack comes up by itself, a call goes through it with the first key,
// it stops cleanly, and whatever was killed, the next start finds keys, servers and calls as they were. This is the first
// five minutes of every user; how the launcher treats its programs in detail is in infra/local.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, appendFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AdminClient } from "../support/admin-client.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { mcpClient } from "../support/mcp-client.ts";
import { callTool, readCalls, registerServer } from "../support/operations.ts";
import { startProcess, type RunningProcess } from "../support/processes.ts";
import { until } from "../support/wait.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const stdioEcho = fileURLToPath(new URL("../support/stdio-echo.mjs", import.meta.url));
const startMsMax = 60_000;
const stopMsMax = 10_000;
const testMsMax = 180_000;

let dataDir: string;
beforeEach(() => void (dataDir = mkdtempSync(join(tmpdir(), "tollgate-start-"))));
afterEach(async () => {
  // A failed test may leave a database behind: it does not end with its launcher.
  const pid = Number(existsSync(file("postgres/postmaster.pid")) ? read("postgres/postmaster.pid").split("\n")[0] : 0);
  if (pid > 1) {
    kill(pid);
    await until(() => !isAlive(pid), { what: "the database to end" });
  }
  rmSync(dataDir, { recursive: true, force: true });
});

const file = (name: string): string => join(dataDir, name);
const read = (name: string): string => readFileSync(file(name), "utf8");
const trimmed = (name: string): string => read(name).trim();

type Ready = Record<"proxy" | "control" | "proxyAdmin" | "controlAdmin" | "adminTokenFile", string>;

function npmStart(env: Record<string, string> = {}, args: readonly string[] = []): Promise<RunningProcess> {
  const ports = ["PROXY", "PROXY_ADMIN", "CONTROL", "CONTROL_ADMIN", "GRPC"].map((name) => [
    `TOLLGATE_${name}_PORT`,
    "0",
  ]);
  return startProcess({
    name: "npm start",
    command: "npm",
    args: ["start", "--silent", "--", ...args],
    cwd: root,
    env: { ...Object.fromEntries(ports), TOLLGATE_DATA_DIR: dataDir, ...env },
  });
}

async function untilReady(npm: RunningProcess): Promise<{ ready: Ready; admin: AdminClient }> {
  await npm.waitForLine(/Ctrl-C stops it/, startMsMax);
  // What the launcher promises to write.
  const ready = JSON.parse(read("ready.json")) as Ready;
  return { ready, admin: new AdminClient(ready.control, readFileSync(ready.adminTokenFile, "utf8").trim()) };
}

async function stopped(npm: RunningProcess, signal: NodeJS.Signals): Promise<void> {
  npm.kill(signal);
  expect(await npm.waitForExit(stopMsMax)).toEqual({ code: 0, signal: null });
  expect(existsSync(file("ready.json"))).toBe(false);
}

const recordedPids = (): number[] => JSON.parse(read("processes.json")).map(({ pid }: { pid: number }) => pid);

/** A refusal of MCP comes with status 200, too. */
async function passes({ proxy }: Ready, key: string): Promise<boolean> {
  const { status, body } = await callTool(proxy, key, "example__echo");
  return status === 200 && body.includes('"result"');
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test(
  "a fresh start serves a call with the first key, and a second start finds all of it",
  { timeout: testMsMax },
  async () => {
    await using upstream = await startExampleMcp();
    await using first = await npmStart();
    const { ready, admin } = await untilReady(first);
    await registerServer(admin, { name: "example", url: upstream.url });
    const key = trimmed("keys/first");
    await until(() => passes(ready, key), { what: "the first call to pass" });
    await until(async () => (await readCalls(admin)).some(({ outcome }) => outcome === "ANSWERED"), {
      what: "the call to be in the API",
    });
    const said = first.log();
    for (const secret of [key, trimmed("admin-token")]) expect(said).not.toContain(secret);
    const programs = recordedPids();
    await stopped(first, "SIGTERM");
    expect(programs.filter(isAlive)).toEqual([]);

    await using second = await npmStart();
    const again = await untilReady(second);
    expect(trimmed("keys/first"), "the key is not made anew").toBe(key);
    expect(await passes(again.ready, key)).toBe(true);
    expect((await readCalls(again.admin)).length).toBeGreaterThan(0);
    await stopped(second, "SIGINT");
  },
);

test(
  "a server list of Claude Code is imported at the start and serves, changes nothing at the next, and keeps its secrets",
  { timeout: testMsMax },
  async () => {
    // Not in the data directory, where its secrets are looked for afterwards.
    const listDir = mkdtempSync(join(tmpdir(), "tollgate-list-"));
    await using _ = { [Symbol.asyncDispose]: async () => rmSync(listDir, { recursive: true }) };
    const [headerSecret, tokenSecret] = ["planted-list-key", "planted-program-token"];
    await using upstream = await startExampleMcp({ REQUIRE_HEADER: `X-Key: ${headerSecret}` });
    const example = { type: "http", url: upstream.url, headers: { "X-Key": `\${LIST_KEY:-${headerSecret}}` } };
    const program = {
      ...{ command: process.execPath, args: [stdioEcho] },
      env: { SERVICE_TOKEN: "${LIST_TOKEN}", GREETING: "hello" },
    };
    const list = join(listDir, "mcp.json");
    writeFileSync(list, JSON.stringify({ mcpServers: { example, program } }));
    const position = async (admin: AdminClient) => (await admin.run<{ log: unknown }>("{ log { position } }")).log;
    const start = () => npmStart({ LIST_TOKEN: tokenSecret }, ["--mcp", list]);
    const servesAll = async (ready: Ready): Promise<void> => {
      const key = trimmed("keys/first");
      await until(() => passes(ready, key), { what: "a call over HTTP to pass", timeoutMs: startMsMax });
      const { body } = await until(
        async () => {
          const answer = await callTool(ready.proxy, key, "program__environment");
          return answer.hasResult && answer;
        },
        { what: "a call of the program to pass", timeoutMs: startMsMax },
      );
      for (const seen of [`SERVICE_TOKEN=${tokenSecret}`, "GREETING=hello"]) expect(body).toContain(seen);
      expect(body).not.toContain("TOLLGATE_");
      const names = await mcpClient(ready.proxy, key).toolNames();
      expect(names).toEqual(
        ["example__add", "example__echo", "example__slow"].concat(
          ["environment", "exit", "pid"].map((tool) => `program__${tool}`),
        ),
      );
    };
    await using first = await start();
    const { ready, admin } = await untilReady(first);
    await servesAll(ready);
    const before = await position(admin);
    await stopped(first, "SIGTERM");
    await using second = await start();
    const again = await untilReady(second);
    expect(await position(again.admin)).toEqual(before);
    await servesAll(again.ready);
    const shown = await again.admin.send("{ servers { nodes { name command environment { name plain } } } }");
    expect(shown.body).toContain("GREETING");
    await stopped(second, "SIGTERM");
    const everything = [first.log(), second.log(), shown.body];
    for (const secret of [headerSecret, tokenSecret]) {
      for (const text of everything) expect(text).not.toContain(secret);
      // The database with its log of events is among the files, and so are facts, caches and logs.
      expect(filesWith(secret)).toEqual([]);
    }
    expect(filesWith("stdio-echo.mjs"), "what is no secret is found").not.toEqual([]);
  },
);

test(
  "--demo: models of nobody answer the official SDKs as the lines say that are printed, also after a second start",
  { timeout: testMsMax },
  async () => {
    const position = async (admin: AdminClient) => (await admin.run<{ log: unknown }>("{ log { position } }")).log;
    await using first = await npmStart({}, ["--demo"]);
    const { ready, admin } = await untilReady(first);
    const said = first.log();
    for (const line of [
      `  export ANTHROPIC_BASE_URL=${ready.proxy}/anthropic`,
      `  export ANTHROPIC_AUTH_TOKEN=$(cat ${file("keys/first")})`,
      `  export OPENAI_BASE_URL=${ready.proxy}/openai/v1`,
      `  export OPENAI_API_KEY=$(cat ${file("keys/first")})`,
    ])
      expect(said.split("\n")).toContain(line);
    await answersSdks(ready);
    const costs = await until(
      async () => {
        type Row = { door: string; costUsd: string | null };
        const { modelCalls } = await admin.run<{ modelCalls: { nodes: Row[] } }>(
          "{ modelCalls { nodes { door costUsd } } }",
        );
        return modelCalls.nodes.length === 2 && modelCalls.nodes;
      },
      { what: "the facts of both calls", timeoutMs: 30_000 },
    );
    expect(costs.map(({ door }) => door).sort()).toEqual(["anthropic", "openai"]);
    for (const { costUsd } of costs) expect(Number(costUsd)).toBeGreaterThan(0);
    const before = await position(admin);
    const programs = recordedPids();
    await stopped(first, "SIGTERM");
    expect(programs.filter(isAlive)).toEqual([]);

    await using second = await npmStart({}, ["--demo"]);
    const again = await untilReady(second);
    await answersSdks(again.ready);
    expect(await position(again.admin)).toEqual(before);
    await stopped(second, "SIGTERM");
  },
);

async function answersSdks({ proxy }: Ready): Promise<void> {
  const key = trimmed("keys/first");
  const messages = [{ role: "user" as const, content: "Hello" }];
  const anthropic = new Anthropic({ baseURL: `${proxy}/anthropic`, authToken: key, apiKey: null, maxRetries: 0 });
  const { content } = await anthropic.messages.create({ model: "claude-demo", max_tokens: 100, messages });
  expect(content).toMatchObject([{ type: "text", text: "claude-demo heard: Hello" }]);
  const openai = new OpenAI({ baseURL: `${proxy}/openai/v1`, apiKey: key, maxRetries: 0 });
  const { choices } = await openai.chat.completions.create({ model: "gpt-demo", messages });
  expect(choices[0]?.message.content).toBe("gpt-demo heard: Hello");
  const listed = await Promise.all([anthropic, openai].map(async ({ models }) => (await models.list()).data));
  expect(listed.flat().map(({ id }) => id)).toEqual(expect.arrayContaining(["claude-demo", "gpt-demo"]));
}

/** The files of the data directory in which a text stands as it is. */
function filesWith(text: string): string[] {
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((at) => at.isFile());
  return files
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path).includes(text));
}

test(
  "kill -9 of everything in the middle of calls: the next start has each finished call once",
  { timeout: testMsMax },
  async () => {
    await using upstream = await startExampleMcp();
    await using first = await npmStart();
    const { ready, admin } = await untilReady(first);
    await registerServer(admin, { name: "example", url: upstream.url });
    const key = trimmed("keys/first");
    await until(() => passes(ready, key), { what: "a call to pass" });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => callTool(ready.proxy, key, "example__echo", { n })),
    );
    const finished = answers.filter(({ status }) => status === 200).map(({ requestId }) => requestId);
    expect(finished.length).toBe(50);
    const holder: { pid: number } = JSON.parse(read("launcher.lock"));
    const programs = recordedPids();
    const database = Number(read("postgres/postmaster.pid").split("\n")[0]);
    for (const pid of [first.pid, holder.pid, ...programs.map((pid) => -pid), database]) kill(pid);
    await until(() => ![...programs, database].some(isAlive), { what: "everything to be gone" });
    tearSpool();

    await using second = await npmStart();
    const again = await untilReady(second);
    await until(
      async () => {
        const stored = (await readCalls(again.admin)).map(({ requestId }) => requestId);
        expect(new Set(stored).size, "no call twice").toBe(stored.length);
        return finished.every((id) => id !== null && stored.includes(id));
      },
      { what: "every finished call to be stored", timeoutMs: 30_000 },
    );
    expect(await passes(again.ready, key)).toBe(true);
    await stopped(second, "SIGTERM");
  },
);

/** As a crash in the middle of a write leaves it: the beginning of a record whose end never came. */
function tearSpool(): void {
  const spools = readdirSync(file("proxy/facts"), { recursive: true, withFileTypes: true }).filter((at) => at.isFile());
  expect(spools.length).toBeGreaterThan(0);
  for (const { parentPath, name } of spools) appendFileSync(join(parentPath, name), Buffer.from([0, 0, 1]));
}

test("a port in use is one sentence and code 1, and nothing stays", { timeout: testMsMax }, async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await until(() => other.listening, { what: "the other program to listen" });
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    for (const name of ["TOLLGATE_PROXY_PORT", "TOLLGATE_CONTROL_PORT", "TOLLGATE_GRPC_PORT"]) {
      await using npm = await npmStart({ [name]: String(port) });
      expect((await npm.waitForExit(startMsMax)).code).toBe(1);
      // Somebody may have changed a source meanwhile.
      const lines = npm
        .log()
        .split("\n")
        .filter((line) => line !== "Building …");
      expect(lines, name).toHaveLength(1);
      expect(lines[0], name).toMatch(new RegExp(`${port}.* in use`));
      expect(existsSync(file("postgres/postmaster.pid"))).toBe(false);
    }
  } finally {
    other.close();
  }
});

test("a mistake in tollgate.yaml is told with line and column, and code 2", { timeout: testMsMax }, async () => {
  const config = file("tollgate.yaml");
  writeFileSync(config, "version: 1\nkeys:\n  - { name: alice, team: nobody, tools: ['*/*'] }\n");
  await using npm = await npmStart({ TOLLGATE_CONFIG: config });
  expect((await npm.waitForExit(startMsMax)).code).toBe(2);
  expect(npm.log()).toMatch(new RegExp(`^${config}:3:\\d+: .*team`));
});
