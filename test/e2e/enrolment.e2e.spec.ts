// The identity of proxies in the product as it runs: with certificates that live for seconds, a proxy that is revoked, one
// that comes with a spent token, and one whose data directory was copied. Whatever a stranger does at the door has to be
// seen in the figures, and none of it may cost the proxies that belong there a call.

import { cp } from "node:fs/promises";
import { existsSync, lstatSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { proxyIdOf, readMetric } from "../support/member-state.ts";
import { createDatabase } from "../support/database.ts";
import { startExampleMcp } from "../support/example-mcp.ts";
import {
  callTool,
  createTeam,
  issueKey,
  readCalls,
  readFleet,
  registerServer,
  revokeProxy,
} from "../support/operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const certificateSeconds = 6;
const renewals = 3;
const resources = new AsyncDisposableStack();
let stack: Stack;
let secret: string;

beforeAll(async () => {
  const database = resources.use(await createDatabase("enrolment e2e"));
  const upstream = resources.use(await startExampleMcp());
  const env = { TOLLGATE_CERTIFICATE_SECONDS: String(certificateSeconds) };
  stack = resources.use(await startStack({ databaseUrl: database.url, proxies: 2, env }));
  await registerServer(stack.admin, { name: "example", url: upstream.url });
  const { id: teamId } = await createTeam(stack.admin, "platform");
  ({ secret } = await issueKey(stack.admin, { name: "agent", teamId }));
}, 120_000);

afterAll(() => resources.disposeAsync());

const refusedWith = (code: string): Promise<number> =>
  readMetric(stack.control, `tollgate_grpc_refused_total{code="${code}"}`);

test(
  "certificates renew themselves under traffic, and are on disk for their proxy alone",
  { timeout: 60_000 },
  async () => {
    const { url, dataDir } = stack.proxy();
    await until(async () => (await callTool(url, secret, "example__echo", {})).status === 200, {
      what: "a first call",
    });
    const renewed = (): number => stack.proxy().log().split("the proxy has a certificate").length - 2;
    const before = renewed();
    let calls = 0;
    while (renewed() < before + renewals) {
      expect((await callTool(url, secret, "example__echo", { calls: ++calls })).status).toBe(200);
    }
    expect(calls).toBeGreaterThan(renewals);
    for (const name of ["proxy.key", "proxy.crt"])
      expect(statSync(join(dataDir, "proxy", name)).mode & 0o777, name).toBe(0o600);
    expect(await refusedWith("enrolment.certificate-refused"), "a proxy that renews in time is no stranger").toBe(0);
  },
);

test("a proxy with a spent token is refused, counted and alarmed", { timeout: 60_000 }, async () => {
  const late = await stack.addProxy(join(stack.dir, "late"));
  const starting = late.start().catch(() => "it was stopped");
  await until(() => late.log().includes("The join token is missing, unknown, spent"), {
    what: "the late one to be told",
  });
  expect(await refusedWith("enrolment.token-refused")).toBeGreaterThan(0);
  expect(stack.control.log()).toMatch(/"code":"enrolment.token-refused".*alarm/);
  await late.stop("SIGKILL");
  expect(await starting).toBe("it was stopped");
});

test(
  "a copied proxy is refused while the first is heard of, and has the id when it is not",
  { timeout: 90_000 },
  async () => {
    const first = stack.proxy(0);
    const id = proxyIdOf(stack.proxy(0));
    const copy = join(stack.dir, "copy");
    // Sockets cannot be copied, and are of no use to anybody else.
    const filter = (path: string): boolean => !lstatSync(path).isSocket();
    await cp(first.dataDir, copy, { recursive: true, filter });
    const clone = await stack.addProxy(copy);
    const starting = clone.start();
    await until(async () => (await readFleet(stack.admin)).some((one) => one.id === id && one.isContested), {
      what: "the fleet to show it as contested",
    });
    await until(async () => (await refusedWith("proxy.id-in-use")) > 0, { what: "the copy to be told that both live" });
    expect(stack.control.log()).toMatch(/"code":"proxy.id-in-use".*alarm/);
    expect((await callTool(first.url, secret, "example__echo", {})).status).toBe(200);
    // Nobody has to be asked: a boot that was killed is not heard of any more.
    await first.stop("SIGKILL");
    await starting;
    const { status, requestId } = await callTool(clone.url, secret, "example__echo", {});
    expect(status).toBe(200);
    await until(async () => (await readCalls(stack.admin)).some((call) => call.requestId === requestId), {
      what: "the copy to have the id, by which its call is taken",
    });
    const refusals = async () => (await refusedWith("proxy.id-in-use")) + (await refusedWith("proxy.id-held"));
    const before = await refusals();
    await clone.stop();
    await first.start();
    expect(await refusals(), "it said that it leaves: the next one need not wait").toBe(before);
  },
);

test(
  "a proxy that was killed and starts again has its id back after some seconds, without an alarm",
  {
    timeout: 60_000,
  },
  async () => {
    const proxy = stack.proxy(1);
    const alarms = await refusedWith("proxy.id-in-use");
    await proxy.stop("SIGKILL");
    await proxy.start();
    const { requestId } = await callTool(proxy.url, secret, "example__echo", {});
    await until(async () => (await readCalls(stack.admin)).some((call) => call.requestId === requestId), {
      what: "it to have its id back, by which its call is taken",
    });
    expect(await refusedWith("proxy.id-in-use")).toBe(alarms);
  },
);

test("a revoked proxy forgets what it knew and stops, and a restart serves nobody", { timeout: 60_000 }, async () => {
  const proxy = stack.proxy(1);
  await revokeProxy(stack.admin, proxyIdOf(proxy));
  await until(async () => (await fetch(`${proxy.url}/healthz`).catch(() => undefined)) === undefined, {
    what: "it to end by itself",
  });
  expect(await proxy.stop()).toBe(1);
  for (const name of ["cache.sealed", "cache.sealed.new", "cache.key"])
    expect(existsSync(join(proxy.dataDir, "proxy", name)), name).toBe(false);
  // A boot that knows nothing is told by whatever it asks.
  await expect(proxy.start()).rejects.toThrow("ended (code 1)");
  expect(await refusedWith("enrolment.proxy-revoked")).toBeGreaterThan(0);
});
