// The launcher as a process, on a real PostgreSQL and on stand-ins for the two programs: what `npm start` promises about
// starting, stopping, being killed, and saying what is wrong. The real programs behind it are tested in test/e2e.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startProcess, type RunningProcess } from "../../../test/support/processes.ts";
import { until } from "../../../test/support/wait.ts";

const entry = fileURLToPath(new URL("./fixtures/launch.fixture.mjs", import.meta.url));
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const startMsMax = 30_000;
const stopMsMax = 10_000;

let dataDir: string;
beforeEach(async () => void (dataDir = await mkdtemp(join(tmpdir(), "tollgate-launcher-"))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function start(env: Record<string, string> = {}, args: readonly string[] = [entry]): Promise<RunningProcess> {
  const ports = ["PROXY", "PROXY_ADMIN", "CONTROL", "CONTROL_ADMIN", "GRPC"].map((name) => [
    `TOLLGATE_${name}_PORT`,
    "0",
  ]);
  return startProcess({
    name: "the launcher",
    args,
    env: { ...Object.fromEntries(ports), TOLLGATE_DATA_DIR: dataDir, ...env },
  });
}

const read = (name: string): string => readFileSync(join(dataDir, name), "utf8");
const environmentOf = (kind: "control" | "proxy"): Record<string, string> => JSON.parse(read(`${kind}.env.json`));
const recordedPids = (): number[] => JSON.parse(read("processes.json")).map(({ pid }: { pid: number }) => pid);
const pidOfPostgres = (): number => Number(read("postgres/postmaster.pid").split("\n")[0]);
const untilReady = (launcher: RunningProcess) => launcher.waitForLine(/Ctrl-C stops it/, startMsMax);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function stopped(launcher: RunningProcess): Promise<void> {
  launcher.kill("SIGTERM");
  expect(await launcher.waitForExit(stopMsMax)).toEqual({ code: 0, signal: null });
}

describe("the launcher", { timeout: 90_000 }, () => {
  test("starts everything, says where it is, stops it all, and starts again on the same data", async () => {
    await using first = await start();
    await untilReady(first);
    const ready = JSON.parse(read("ready.json"));
    expect(Object.keys(ready)).toEqual(["proxy", "control", "proxyAdmin", "controlAdmin", "adminTokenFile"]);
    expect(await (await fetch(ready.proxy)).text()).toBe("ok");
    const keyFile = join(dataDir, "keys", "first");
    expect(first.log()).toContain(
      `claude mcp add --transport http tollgate ${ready.proxy}/mcp --header "Authorization: Bearer $(cat ${keyFile})"`,
    );
    const pids = [...recordedPids(), pidOfPostgres()];
    expect(pids.every(isAlive)).toBe(true);
    expect(statSync(join(dataDir, "master.key")).mode & 0o777).toBe(0o600);
    const masterKey = read("master.key");
    await stopped(first);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(join(dataDir, "ready.json"))).toBe(false);

    await using second = await start();
    await untilReady(second);
    expect(read("master.key")).toBe(masterKey);
    expect(environmentOf("control")["TOLLGATE_CONFIG"], "the first configuration is applied only once").toBeUndefined();
    await stopped(second);
  });

  test("gives each program only what it needs, and no secret of the control plane to the proxy", async () => {
    const file = join(dataDir, "tollgate.yaml");
    const credential = "{ Authorization: { env: UPSTREAM_TOKEN } }";
    const server = `{ name: files, transport: http, url: "https://files.example/mcp", headers: ${credential} }`;
    writeFileSync(file, `version: 1\nservers:\n  - ${server}\n`);
    await using launcher = await start({
      TOLLGATE_CONFIG: file,
      TOLLGATE_SECRET_X: "s3cret",
      UPSTREAM_TOKEN: "upstream",
      UNRELATED: "private",
    });
    await untilReady(launcher);
    expect(environmentOf("control")).toMatchObject({ TOLLGATE_SECRET_X: "s3cret", UPSTREAM_TOKEN: "upstream" });
    expect(environmentOf("control")).not.toHaveProperty("UNRELATED");
    const proxy = environmentOf("proxy");
    for (const name of ["TOLLGATE_SECRET_X", "TOLLGATE_DATABASE_URL", "TOLLGATE_MASTER_KEY_FILE", "UPSTREAM_TOKEN"])
      expect(proxy).not.toHaveProperty(name);
    expect(proxy["TOLLGATE_JOIN_TOKEN"]).toBe(environmentOf("control")["TOLLGATE_JOIN_TOKEN"]);
    const socket = join(dataDir, "run", "grpc.sock");
    expect(environmentOf("control")["TOLLGATE_GRPC_SOCKET"]).toBe(socket);
    expect(proxy["TOLLGATE_CONTROL_URL"]).toBe(`unix:${socket}`);
    await stopped(launcher);
  });

  test("hands a server list to the control plane, with the variables that it refers to and no others", async () => {
    const file = join(dataDir, "mcp.json");
    const server = { url: "https://files.example/mcp", headers: { Authorization: "Bearer ${LIST_TOKEN}" } };
    writeFileSync(file, JSON.stringify({ mcpServers: { files: server } }));
    await using launcher = await start({ TOLLGATE_MCP_FILE: file, LIST_TOKEN: "upstream", UNRELATED: "private" });
    await untilReady(launcher);
    expect(environmentOf("control")).toMatchObject({ TOLLGATE_MCP_FILE: file, LIST_TOKEN: "upstream" });
    expect(environmentOf("control")).not.toHaveProperty("UNRELATED");
    for (const name of ["TOLLGATE_MCP_FILE", "LIST_TOKEN"]) expect(environmentOf("proxy")).not.toHaveProperty(name);
    await stopped(launcher);
  });

  test("when it is killed, nothing of it stays, and the next start comes up", async () => {
    await using killed = await start();
    await untilReady(killed);
    const left = [...recordedPids(), pidOfPostgres()];
    killed.kill("SIGKILL");
    await killed.waitForExit();
    // At once, while the programs are still on their way out and PostgreSQL is an orphan.
    await using next = await start();
    await untilReady(next);
    expect(left.filter(isAlive)).toEqual([]);
    await stopped(next);
  });

  test("the programs end by themselves when the launcher is gone for good", async () => {
    await using killed = await start();
    await untilReady(killed);
    const programs = recordedPids();
    const database = pidOfPostgres();
    killed.kill("SIGKILL");
    await until(() => !programs.some(isAlive), { what: "the programs to end", timeoutMs: stopMsMax });
    process.kill(database, "SIGINT");
    await until(() => !isAlive(database), { what: "the database to end", timeoutMs: stopMsMax });
  });

  test("starts a program again that died, at the same address", async () => {
    await using launcher = await start();
    await untilReady(launcher);
    const { proxy } = JSON.parse(read("ready.json"));
    const [, proxyPid] = recordedPids();
    process.kill(proxyPid ?? 0, "SIGKILL");
    await launcher.waitForLine(/The proxy ended unexpectedly \(signal SIGKILL\); it is started again/);
    await until(async () => (await fetch(proxy).catch(() => undefined))?.ok === true, { what: "the proxy to answer" });
    await stopped(launcher);
  });

  test("refuses a directory that another launcher runs on, and leaves that one alone", async () => {
    await using first = await start();
    await untilReady(first);
    await using second = await start();
    expect((await second.waitForExit()).code).toBe(1);
    expect(second.log()).toBe(
      `Tollgate runs on ${dataDir} already (process ${first.pid}). Stop it, or set TOLLGATE_DATA_DIR to another directory.`,
    );
    expect(existsSync(join(dataDir, "ready.json"))).toBe(true);
    await stopped(first);
  });

  test("stops at once when it is interrupted while it starts", async () => {
    await using launcher = await start();
    await until(() => existsSync(join(dataDir, "launcher.lock")), { what: "the start to begin" });
    await stopped(launcher);
    expect(existsSync(join(dataDir, "launcher.lock"))).toBe(false);
  });
});

describe("what the launcher says when it cannot start", { timeout: 60_000 }, () => {
  async function failure(
    env: Record<string, string>,
    args?: readonly string[],
  ): Promise<{ code: number | null; said: string }> {
    await using launcher = await start(env, args);
    const { code } = await launcher.waitForExit(startMsMax);
    return { code, said: launcher.log() };
  }

  test("a setting that is no setting: code 2, before anything starts", async () => {
    expect(await failure({ TOLLGATE_PROXY_PROT: "80" })).toEqual({
      code: 2,
      said: "The configuration is wrong: TOLLGATE_PROXY_PROT is not a setting.",
    });
    expect(existsSync(join(dataDir, "postgres"))).toBe(false);
  });

  test("a setting with a bad value: code 2", async () => {
    const { code, said } = await failure({ TOLLGATE_PROXY_PORT: "http" });
    expect(code).toBe(2);
    expect(said).toMatch(/^The configuration is wrong: TOLLGATE_PROXY_PORT is not a number/);
  });

  test("an option that it does not have: code 2", async () => {
    expect(await failure({}, [main, "--workers"])).toEqual({
      code: 2,
      said: "There is no option --workers; npm start -- --help lists what there is.",
    });
    for (const [rest, said] of [
      [["--demo", "now"], "There is no option now; npm start -- --help lists what there is."],
      [["--mcp", "--demo"], "--mcp needs the name of a file."],
    ] as const)
      expect(await failure({}, [main, ...rest])).toEqual({ code: 2, said });
  });

  test("a server list that is none, has a mistake, or is not there: code 2, with the server", async () => {
    const file = join(dataDir, "mcp.json");
    writeFileSync(file, JSON.stringify({ mcpServers: { files: { command: "npx", args: ["${NOWHERE_SET}"] } } }));
    expect(await failure({}, [main, "--mcp", file])).toEqual({
      code: 2,
      said: `${file}: The server \`files\` refers to an environment variable, NOWHERE_SET, that is not set.`,
    });
    expect(await failure({ TOLLGATE_MCP_FILE: join(dataDir, "none.json") })).toMatchObject({ code: 2 });
    expect(await failure({}, [main, "--mcp"])).toEqual({ code: 2, said: "--mcp needs the name of a file." });
  });

  test("a mistake in tollgate.yaml: code 2, with line and column", async () => {
    const file = join(dataDir, "tollgate.yaml");
    writeFileSync(file, "version: 1\nteams:\n  - nam: default\n");
    const { code, said } = await failure({ TOLLGATE_CONFIG: file });
    expect(code).toBe(2);
    expect(said).toContain(`${file}:3:5: `);
    expect(said).toContain("unknown field `nam`");
  });

  test("a program that refuses: its own sentence and its code, and nothing is left running", async () => {
    const sentence = "The proxy cannot start: Port 8080 on 127.0.0.1 is in use by another process.";
    for (const [code, expected] of [
      [1, 1],
      [2, 2],
      [7, 1],
    ]) {
      writeFileSync(join(dataDir, "proxy.fail"), JSON.stringify({ sentence, code }));
      expect(await failure({})).toEqual({ code: expected, said: sentence });
      expect(recordedPids().filter(isAlive)).toEqual([]);
      expect(existsSync(join(dataDir, "postgres", "postmaster.pid"))).toBe(false);
    }
  });

  test("a data directory that is a file", async () => {
    const file = join(dataDir, "file");
    writeFileSync(file, "");
    expect(await failure({ TOLLGATE_DATA_DIR: file })).toEqual({
      code: 1,
      said: `The data directory ${file} cannot be used: something that is not a directory has its name.`,
    });
  });

  test("a lost master key is not replaced by another", async () => {
    await using launcher = await start();
    await untilReady(launcher);
    await stopped(launcher);
    rmSync(join(dataDir, "master.key"));
    expect(await failure({})).toMatchObject({ code: 1, said: expect.stringContaining("master.key is missing") });
    expect(existsSync(join(dataDir, "master.key"))).toBe(false);
  });
});
