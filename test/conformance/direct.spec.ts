// The fixtures have to be beyond doubt before anything that stands between them and the suite is judged by it: directly
// they reach every scored scenario, without so much as a warning. And a table that cannot fail says nothing: where nobody
// listens, next to nothing passes, although dozens of the suite's single checks do.

import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, expect, test } from "vitest";
import { startFixture } from "./fixture.ts";
import { startShim } from "./shim.ts";
import { runSuite, type SuiteResult } from "./suite.ts";
import { showTable, type Run } from "./table.ts";

const timeoutMs = 60_000;
const runs: Run[] = [];

afterAll(() => showTable("direct", runs));

async function judge(client: string, server: string, running: Promise<SuiteResult>): Promise<SuiteResult> {
  const result = await running;
  runs.push({ client, server, result });
  return result;
}

const imperfect = ({ scenarios }: SuiteResult, ...also: string[]) =>
  scenarios.filter(
    ({ scenario, isScored, failures, warnings }) =>
      (isScored || also.includes(scenario)) && failures.length + warnings.length > 0,
  );

const resultOf = ({ scenarios }: SuiteResult, name: string) => scenarios.find(({ scenario }) => scenario === name);

test(
  "the modern fixture passes all that 2026-07-28 requires, and the suite's pending checks of headers and schemas",
  { timeout: timeoutMs },
  async () => {
    await using fixture = await startFixture({ era: "modern", transport: "http" });
    const { url } = fixture;
    const result = await judge("2026-07-28", "modern", runSuite({ url, requirements: "2026-07-28" }));
    const pending = ["json-schema-2020-12", "http-header-validation", "http-custom-header-server-validation"];
    expect(imperfect(result, ...pending)).toEqual([]);
    expect(result.scored).toEqual({ passed: 37, total: 37 });
    for (const name of pending) expect(resultOf(result, name)?.outcome).toBe("passed");
  },
);

test(
  "the legacy fixture passes all that 2025-11-25 requires, and the suite's pending checks of sessions and streams",
  { timeout: timeoutMs },
  async () => {
    await using fixture = await startFixture({ era: "legacy", transport: "http" });
    const { url } = fixture;
    const result = await judge("2025-11-25", "legacy", runSuite({ url, requirements: "2025-11-25" }));
    const pending = ["server-session-lifecycle", "server-sse-polling", "json-schema-2020-12"];
    expect(imperfect(result, ...pending)).toEqual([]);
    expect(result.scored).toEqual({ passed: 30, total: 30 });
    for (const name of pending) expect(resultOf(result, name)?.outcome).toBe("passed");
  },
);

test("the legacy fixture passes all that applies to 2025-06-18", { timeout: timeoutMs }, async () => {
  await using fixture = await startFixture({ era: "legacy", transport: "http" });
  const result = await judge("2025-06-18", "legacy", runSuite({ url: fixture.url, specVersion: "2025-06-18" }));
  expect(imperfect(result)).toEqual([]);
  expect(result.scored).toEqual({ passed: 27, total: 27 });
});

test("the shim costs no scenario, and what it adds arrives with every request", { timeout: timeoutMs }, async () => {
  await using fixture = await startFixture({ era: "legacy", transport: "http" });
  await using shim = await startShim({ target: fixture.url, headers: { "x-tollgate-key": "tg_key_test" } });
  const running = runSuite({ url: shim.url, requirements: "2025-11-25" });
  const result = await judge("2025-11-25", "legacy, by the shim", running);
  expect(result.scored).toEqual({ passed: 30, total: 30 });
  const { requests } = await fixture.seen();
  expect(requests.length).toBeGreaterThan(60);
  const bare = requests.filter(({ headers }) => headers["x-tollgate-key"] !== "tg_key_test");
  expect(bare).toEqual([]);
});

test("of an era that a server does not speak, next to nothing passes", { timeout: timeoutMs }, async () => {
  await using modern = await startFixture({ era: "modern", transport: "http" });
  await using legacy = await startFixture({ era: "legacy", transport: "http" });
  const [old, recent] = await Promise.all([
    judge("2025-11-25", "modern", runSuite({ url: modern.url, requirements: "2025-11-25" })),
    judge("2026-07-28", "legacy", runSuite({ url: legacy.url, requirements: "2026-07-28" })),
  ]);
  expect(old.scored.passed).toBe(0);
  expect(recent.scored.passed).toBeLessThanOrEqual(3);
});

test("where nobody listens, next to nothing passes", { timeout: timeoutMs }, async () => {
  const url = await deadUrl();
  const [old, recent] = await Promise.all([
    judge("2025-11-25", "nobody", runSuite({ url, requirements: "2025-11-25" })),
    judge("2026-07-28", "nobody", runSuite({ url, requirements: "2026-07-28" })),
  ]);
  expect(old.scored).toEqual({ passed: 0, total: 30 });
  expect(recent.scored.total).toBe(37);
  expect(recent.scored.passed).toBeLessThanOrEqual(3);
});

test("where nobody answers, nothing passes, and each scenario ends in its time", { timeout: timeoutMs }, async () => {
  await using silent = await silentServer();
  const running = runSuite({ url: silent.url, requirements: "2025-11-25", scenarioTimeoutMs: 250 });
  const { scored, scenarios } = await judge("2025-11-25", "silence", running);
  expect(scored).toEqual({ passed: 0, total: 30 });
  expect(scenarios.filter(({ failures }) => failures.length === 0)).toEqual([]);
});

async function silentServer(): Promise<{ url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => {}))).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: urlOf(server),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Of a port that was free a moment ago. */
async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = urlOf(server);
  server.close();
  await once(server, "close");
  return url;
}

function urlOf(server: Server): string {
  // A server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}/mcp`;
}
