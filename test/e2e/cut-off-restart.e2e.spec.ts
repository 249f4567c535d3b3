// A proxy that crashes while it is cut off comes back by itself: from its sealed cache, with view, upstream secrets and epochs,
// before the control plane or Kafka is there again. Otherwise an outage of the control plane becomes one of every agent at
// the first crash. What it must not do is forget how old its knowledge is, or believe a cache that it cannot open.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import { kafkaAvailability, startBroker } from "../support/kafka-broker.ts";
import {
  callTool,
  createTeam,
  issueKey,
  readCalls,
  registerServer,
  revokeKey,
  type IssuedKey,
} from "../support/operations.ts";
import { readMetric } from "../support/member-state.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

let resources = new AsyncDisposableStack();
afterEach(async () => {
  await resources.disposeAsync();
  resources = new AsyncDisposableStack();
});

type World = { stack: Stack; proxy: Member; key: IssuedKey };
type Settings = { kafkaBrokers?: string; env?: Record<string, string> };

/** With a server that answers only who has the secret. */
async function open(name: string, settings: Settings = {}): Promise<World> {
  const database = resources.use(await createDatabase(name));
  const upstream = resources.use(await startExampleMcp({ REQUIRE_HEADER: "authorization: Bearer upstream-secret" }));
  const stack = resources.use(await startStack({ databaseUrl: database.url, ...settings }));
  const headers = [{ name: "Authorization", prefix: "Bearer ", value: "upstream-secret" }];
  await registerServer(stack.admin, { name: "example", url: upstream.url, headers });
  const team = await createTeam(stack.admin, "platform");
  const key = await issueKey(stack.admin, { name: "agent", teamId: team.id });
  const world = { stack, proxy: stack.proxy(), key };
  await until(async () => (await call(world)) !== undefined, { what: "the key and the secret to work" });
  await until(() => readMetric(world.proxy, "tollgate_cache_bytes"), { what: "the cache to be written" });
  return world;
}

/** The request id of a call that was answered by the server. */
async function call({ proxy, key }: World): Promise<string | undefined> {
  const { hasResult, requestId } = await callTool(proxy.url, key.secret, "example__echo", {});
  return hasResult ? (requestId ?? undefined) : undefined;
}

async function refusalOf({ proxy, key }: World): Promise<string> {
  const { body } = await callTool(proxy.url, key.secret, "example__echo", {});
  return /"code":"([a-z.-]+)"/.exec(body)?.[1] ?? body;
}

/** All of them answered. */
async function calls(world: World, count: number): Promise<string[]> {
  const ids = await Promise.all(Array.from({ length: count }, () => call(world)));
  const answered = ids.filter((id) => id !== undefined);
  expect(answered).toHaveLength(count);
  return answered;
}

async function expectStoredOnce({ stack, key }: World, finished: readonly string[]): Promise<void> {
  const rows = await until(
    async () => {
      const found = await readCalls(stack.admin, { keyId: key.id, outcome: "ANSWERED" });
      const ids = new Set(found.map(({ requestId }) => requestId));
      return finished.every((id) => ids.has(id)) && found;
    },
    { what: "the facts to arrive", timeoutMs: 60_000, intervalMs: 100 },
  );
  expect(new Set(rows.map(({ requestId }) => requestId)).size).toBe(rows.length);
}

/** Nothing but the proxy runs; it is killed and started, and serves. */
async function restartCutOff(world: World): Promise<string[]> {
  const before = await calls(world, 20);
  await world.proxy.stop("SIGKILL");
  const startMs = performance.now();
  await world.proxy.start();
  const after = await calls(world, 20);
  console.log(`cut off, killed, and answering again after ${Math.round(performance.now() - startMs)} ms`);
  expect(world.proxy.log()).toContain("what the last boot knew was found on disk");
  return [...before, ...after];
}

async function expectBack(world: World, finished: readonly string[]): Promise<void> {
  await expectStoredOnce(world, finished);
  await revokeKey(world.stack.admin, world.key.id);
  await until(async () => (await refusalOf(world)) === "auth.key-unknown", { what: "the revocation to arrive" });
}

describe("the control plane is gone, and the proxy is killed", () => {
  test("it serves at once, upstream secrets included; later its facts arrive once, and it follows again", async () => {
    const world = await open("cut off restart");
    await world.stack.control.stop("SIGKILL");
    const finished = [...(await restartCutOff(world)), ...(await restartCutOff(world))];
    await world.stack.control.start();
    await expectBack(world, finished);
  }, 120_000);

  test("past the age that is allowed it refuses with the error that says so, after the restart as before", async () => {
    const world = await open("cut off age", { env: { TOLLGATE_REPLICA_AGE_MS_MAX: "38000" } });
    await world.stack.control.stop("SIGKILL");
    await until(async () => (await refusalOf(world)) === "proxy.replica-stale", {
      what: "the age to be over",
      timeoutMs: 30_000,
    });
    await world.proxy.stop("SIGKILL");
    await world.proxy.start({ isReady: false });
    expect(await refusalOf(world)).toBe("proxy.replica-stale");
    await world.stack.control.start();
    await until(() => call(world), { what: "the proxy to serve again", timeoutMs: 20_000 });
  }, 120_000);
});

describeWith(await kafkaAvailability("own"), "the control plane and Kafka are gone, and the proxy is killed", () => {
  test("it serves at once, and everything comes back", { timeout: 180_000 }, async () => {
    const broker = resources.use(await startBroker());
    const world = await open("cut off kafka", { kafkaBrokers: broker.brokers });
    await world.stack.control.stop("SIGKILL");
    await broker.kill();
    const finished = await restartCutOff(world);
    await broker.start();
    await world.stack.control.start();
    await expectBack(world, finished);
  });
});

describe("a cache that cannot be opened", () => {
  async function openWithKeyFile(name: string): Promise<World & { keyFile: string }> {
    const dir = await mkdtemp(join(tmpdir(), "tollgate-cache-key-"));
    resources.defer(() => rm(dir, { recursive: true, force: true }));
    const keyFile = join(dir, "key");
    await writeFile(keyFile, randomBytes(32).toString("hex"));
    return { ...(await open(name, { env: { TOLLGATE_CACHE_KEY_FILE: keyFile } })), keyFile };
  }

  test(
    "for another key is one clear line, and the proxy waits for the control plane",
    { timeout: 120_000 },
    async () => {
      const world = await openWithKeyFile("cache key wrong");
      const { stack, proxy, keyFile } = world;
      await stack.control.stop("SIGKILL");
      await restartCutOff(world);
      await proxy.stop("SIGKILL");
      await writeFile(keyFile, randomBytes(32).toString("hex"));
      const starting = proxy.start();
      await until(() => proxy.log().includes("was sealed with another key"), { what: "the line that says so" });
      await until(() => readMetric(world.proxy, `tollgate_cache_failures_total{reason="key-wrong"}`), {
        what: "the count",
      });
      await stack.control.start();
      await starting;
      expect(proxy.log().split("was sealed with another key")).toHaveLength(2);
      await until(() => call(world), { what: "the proxy to serve" });
      // What it wrote since is sealed with the key of now.
      await stack.control.stop("SIGKILL");
      await until(() => readMetric(world.proxy, "tollgate_cache_bytes"), { what: "the cache to be written" });
      await restartCutOff(world);
    },
  );

  test(
    "for want of the configured key is a mistake in the configuration: exit code 2",
    { timeout: 120_000 },
    async () => {
      const { proxy, keyFile } = await openWithKeyFile("cache key missing");
      for (const spoil of [() => writeFile(keyFile, "planted-key"), () => rm(keyFile)]) {
        await proxy.stop("SIGKILL");
        await spoil();
        await expect(proxy.start()).rejects.toThrow("code 2");
        expect(proxy.log()).toContain(`The proxy's configuration is wrong: TOLLGATE_CACHE_KEY_FILE ${keyFile}`);
        expect(proxy.log()).not.toContain("planted-key");
      }
    },
  );
});
