// The proxy as processes: a primary and its workers, a control plane over gRPC, signals, ports and exit codes. What holds
// here is what a launcher and a balancer rely on.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { KeyRevokedSchema } from "@tollgate/schema/events";
import { KeySchema } from "@tollgate/schema/resources";
import { afterEach, expect, test } from "vitest";
import { joinToken, startControlPlane, type ControlPlaneFixture } from "./fixtures/control-plane-fixture.ts";
import { at, key, newId, ask, secret, server, startExample, team, until } from "./fixtures/gate-fixture.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

type Proxy = {
  child: ChildProcess;
  proxy: string;
  proxyAdmin: string;
  output: () => string;
  exit: Promise<number | null>;
};

function launch(env: Record<string, string>) {
  const directory = mkdtempSync(join(tmpdir(), "tollgate-proxy-spec-"));
  const child = spawn(process.execPath, [fileURLToPath(new URL("main.ts", import.meta.url))], {
    env: {
      PATH: process.env["PATH"],
      TOLLGATE_JOIN_TOKEN: joinToken,
      TOLLGATE_CONTROL_URL: "unix:/nobody/listens",
      TOLLGATE_DATA_DIR: directory,
      TOLLGATE_PROXY_PORT: "0",
      TOLLGATE_PROXY_ADMIN_PORT: "0",
      TOLLGATE_PROXY_WORKERS: "2",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  const exit = once(child, "exit").then(([code]) => code);
  stops.push(async () => {
    child.kill("SIGKILL");
    await exit;
    rmSync(directory, { recursive: true, force: true });
  });
  return { child, output: () => output, exit, directory };
}

async function startProxy(env: Record<string, string>): Promise<Proxy & { directory: string }> {
  const launched = launch(env);
  const [line] = await Promise.race([
    once(createInterface(launched.child.stdout), "line"),
    launched.exit.then((code) => {
      throw new Error(`the proxy ended with ${code}: ${launched.output()}`);
    }),
  ]);
  return { ...launched, ...JSON.parse(String(line)).ready };
}

async function world(): Promise<{ control: ControlPlaneFixture; agent: ReturnType<typeof key> }> {
  const example = await startExample({ REQUIRE_HEADER: "authorization: Bearer upstream-secret" });
  stops.push(() => example.stop());
  const agent = key(["demo/*"]);
  const secretId = newId();
  const headers = [{ name: "authorization", prefix: "Bearer ", secretId }];
  const resources = [team(), agent.resource, secret(secretId, 1), server("demo", example.url, { headers })];
  const control = await startControlPlane(resources, { [secretId]: "upstream-secret" });
  stops.push(() => control.stop());
  return { control, agent };
}

const callWith = (proxy: string, text: string, name: string, args: object) =>
  ask({ url: proxy }, text, "tools/call", { name, arguments: args });

function workersOf(pid: number | undefined): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => parentOf(child) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1]);
  } catch {
    return undefined; // It ended meanwhile.
  }
}

test("ready to revoked to stopped: calls pass, their facts arrive, a dead worker is replaced, nothing secret is printed", async () => {
  const { control, agent } = await world();
  const running = await startProxy({ TOLLGATE_CONTROL_URL: control.url });
  const { proxy, proxyAdmin } = running;
  const add = () => callWith(proxy, agent.text, "demo__add", { a: 1, b: 2 });
  for (let i = 0; i < 10; i++) expect(at((await add()).json, "result", "content", 0, "text")).toBe("3");
  await until(() => [...control.facts.values()].flat().length === 10, "the facts");

  const [victim] = workersOf(running.child.pid);
  process.kill(victim ?? 0, "SIGKILL");
  const metricsText = async () => (await fetch(`${proxyAdmin}/metrics`)).text();
  await until(async () => {
    const workers = workersOf(running.child.pid);
    return !workers.includes(victim ?? 0) && (await metricsText()).includes("tollgate_workers 2");
  }, "the replacement");
  // The other one served all the time.
  expect((await fetch(`${proxyAdmin}/readyz`)).status).toBe(200);
  for (let i = 0; i < 10; i++) expect(at((await add()).json, "result", "content", 0, "text")).toBe("3");
  // A path that is no URL must not end the primary, and with it every worker.
  expect((await fetch(`${proxyAdmin}//`)).status).toBe(404);
  const debug: unknown = await (await fetch(`${proxyAdmin}/debug/replica`)).json();
  expect(debug).toMatchObject({ position: "4", workersApplied: "4", servers: ["demo"], refusedScopes: {} });

  control.append(create(KeyRevokedSchema, { key: fromBinary(KeySchema, agent.resource.bytes) }));
  await until(async () => at((await add()).json, "error", "data", "code") === "auth.key-unknown", "the revocation");
  running.child.kill("SIGTERM");
  expect(await running.exit).toBe(0);
  for (const hidden of [agent.text, joinToken, "upstream-secret"]) expect(running.output()).not.toContain(hidden);
}, 30_000);

test("SIGTERM lets the call in flight finish, and its fact arrives before the process is gone", async () => {
  const { control, agent } = await world();
  const running = await startProxy({ TOLLGATE_CONTROL_URL: control.url });
  const slow = callWith(running.proxy, agent.text, "demo__slow", { ms: 400 });
  await callWith(running.proxy, agent.text, "demo__add", { a: 1, b: 2 });
  running.child.kill("SIGTERM");
  expect(at((await slow).json, "result", "content", 0, "text")).toBe("waited 400 ms");
  expect(await running.exit).toBe(0);
  expect([...control.facts.values()].flat()).toHaveLength(2);
}, 30_000);

test("a second proxy on one directory is one sentence and 1; kill -9 of the first lets the next one in at once, as the same proxy", async () => {
  const { control, agent } = await world();
  const first = await startProxy({ TOLLGATE_CONTROL_URL: control.url });
  const again = { TOLLGATE_CONTROL_URL: control.url, TOLLGATE_DATA_DIR: first.directory, TOLLGATE_LOG_LEVEL: "silent" };
  const refused = launch(again);
  expect(await refused.exit).toBe(1);
  const directory = join(first.directory, "proxy");
  expect(refused.output()).toBe(
    `The proxy cannot start: Another proxy runs on ${directory} already; give each its own TOLLGATE_DATA_DIR.\n`,
  );
  const idOf = async ({ proxyAdmin }: Proxy) =>
    at(await (await fetch(`${proxyAdmin}/debug/replica`)).json(), "proxyId");
  const id = await idOf(first);
  first.child.kill("SIGKILL");
  await first.exit;
  const next = await startProxy(again);
  expect(await idOf(next)).toBe(id);
  const { json } = await callWith(next.proxy, agent.text, "demo__add", { a: 1, b: 2 });
  expect(at(json, "result", "content", 0, "text")).toBe("3");
}, 30_000);

test("a port in use is one sentence and 1; a bad configuration is one sentence and 2", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  stops.push(() => taken.close());
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? String(address.port) : "";
  for (const name of ["TOLLGATE_PROXY_PORT", "TOLLGATE_PROXY_ADMIN_PORT"]) {
    const refused = launch({ [name]: port, TOLLGATE_LOG_LEVEL: "silent" });
    expect(await refused.exit).toBe(1);
    expect(refused.output()).toBe(`The proxy cannot start: Port ${port} on 127.0.0.1 is in use by another process.\n`);
  }
  const wrong = launch({ TOLLGATE_PROXY_WORKERS: "many" });
  expect(await wrong.exit).toBe(2);
  expect(wrong.output()).toMatch(/^The proxy's configuration is wrong: TOLLGATE_PROXY_WORKERS [^\n]+\.\n$/);
}, 30_000);
