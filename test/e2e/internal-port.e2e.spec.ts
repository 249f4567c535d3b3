// The wire between proxies in the product as it runs: two proxies with two workers each, whose certificates live for seconds.
// A call that another proxy or worker owns is lost when its owner cannot be reached, and given away when somebody else can
// be reached in its place.

import { statSync } from "node:fs";
import { connect } from "node:tls";
import { createProxyDialler } from "@tollgate/proxy/internal/proxy-dialler";
import { createWorkerDialler, workerSocketPath } from "@tollgate/proxy/internal/worker-sockets";
import { proxyName } from "@tollgate/kernel/enrolment";
import type { OutgoingPool } from "@tollgate/proxy/outgoing/pool";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { askPool } from "../support/ask-pool.ts";
import { createDatabase } from "../support/database.ts";
import { buildFormer, versionBefore } from "../support/former-version.ts";
import { proxyIdOf, readMetric } from "../support/member-state.ts";
import { identityOf, runtimeDirectoriesOf, workersOf } from "../support/proxy-files.ts";
import { describeWith } from "../support/real-part.ts";
import { startStack, type Member, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const env = { TOLLGATE_INTERNAL_PORT: "0", TOLLGATE_PROXY_WORKERS: "2" };

/** Of its present boot. */
function internalAddressOf(proxy: Member): string {
  const address = [...proxy.log().matchAll(/"internal":\{"port":\d+,"address":"([^"]+)"/g)].at(-1)?.[1];
  if (address === undefined) throw new Error("the proxy has not said where it is reached");
  return address;
}

async function ask(pool: OutgoingPool): Promise<number> {
  const { status, text } = await askPool(pool, { path: "/nobody/owns/this" });
  await text();
  return status;
}

/** As `from` would, with its own key and certificate. */
async function dialled<T>(
  from: Member,
  use: (dial: (to: Member, id?: string) => OutgoingPool) => Promise<T>,
): Promise<T> {
  const dialler = createProxyDialler();
  try {
    dialler.renew(identityOf(from));
    return await use((to, id = proxyIdOf(to)) => dialler.dial(internalAddressOf(to), id));
  } finally {
    await dialler.close();
  }
}

const refusedBy = (proxy: Member, reason: string): Promise<number> =>
  readMetric(proxy, `tollgate_internal_refused_total{reason="${reason}"}`);

describe("two proxies", () => {
  const resources = new AsyncDisposableStack();
  let stack: Stack;
  let first: Member;
  let second: Member;

  beforeAll(async () => {
    const database = resources.use(await createDatabase("internal port"));
    const life = { TOLLGATE_CERTIFICATE_SECONDS: "6" };
    stack = resources.use(await startStack({ databaseUrl: database.url, proxies: 2, env: { ...env, ...life } }));
    [first, second] = [stack.proxy(0), stack.proxy(1)];
  }, 120_000);

  afterAll(() => resources.disposeAsync());

  test("reach each other by their certificates, and each only where it is", async () => {
    for (const [from, to] of [
      [first, second],
      [second, first],
    ] as const)
      await until(() => dialled(from, (dial) => ask(dial(to))).then((status) => status === 404), {
        what: "one proxy to reach the other",
      });
    const astray = dialled(first, (dial) => ask(dial(second, proxyIdOf(first))));
    await expect(astray).rejects.toThrow(/who answers is not/);
  });

  test("refuse and count who has no certificate", async () => {
    const before = await refusedBy(first, "no-certificate");
    const [host, port] = internalAddressOf(first).split(":");
    const { ca } = identityOf(first);
    const socket = connect({ host, port: Number(port), ca, servername: proxyName(proxyIdOf(first)) });
    await new Promise((resolve) => socket.on("error", () => undefined).once("close", resolve));
    await until(async () => (await refusedBy(first, "no-certificate")) > before, {
      what: "the stranger to be counted",
    });
    expect(first.log()).toContain("somebody who is no proxy of ours came to the internal port");
  });

  test("go on doing so through renewals in both, without a lost request, long after the first certificates ended", async () => {
    const dialler = createProxyDialler();
    try {
      let shown = "";
      const serials = new Set<string>();
      let asked = 0;
      while (serials.size < 5) {
        const identity = identityOf(first);
        if (identity.cert !== shown) dialler.renew(identity);
        shown = identity.cert;
        serials.add(identityOf(second).cert);
        expect(await ask(dialler.dial(internalAddressOf(second), proxyIdOf(second)))).toBe(404);
        asked++;
      }
      expect(asked).toBeGreaterThan(20);
    } finally {
      await dialler.close();
    }
    // Each of these connections is another one, and every worker takes its turn.
    for (let connections = 0; connections < 6; connections++)
      expect(await dialled(first, (dial) => ask(dial(second)))).toBe(404);
  }, 60_000);

  test("say nothing of their keys", () => {
    for (const proxy of [first, second]) {
      const [, line = ""] = identityOf(proxy).key.split("\n");
      expect(line.length).toBeGreaterThan(30);
      expect(proxy.log()).not.toContain(line);
      expect(proxy.log()).not.toContain("PRIVATE KEY");
    }
  });

  test("have a socket for each worker, which whoever takes a dead worker's place has again", async () => {
    const [directory = "", ...more] = runtimeDirectoriesOf(first);
    expect(more).toEqual([]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const dialler = createWorkerDialler(directory, 2);
    const slots = [0, 1];
    const sockets = () => slots.map((slot) => statSync(workerSocketPath(directory, slot), { bigint: true }).ctimeNs);
    const answers = () => Promise.all(slots.map((slot) => ask(dialler.dial(slot))));
    try {
      expect(await answers()).toEqual([404, 404]);
      const before = sockets();
      const [victim = 0] = workersOf(first);
      process.kill(victim, "SIGKILL");
      await until(() => sockets().filter((time, slot) => time !== before[slot]).length === 1, {
        what: "one socket to be another",
      });
      await until(async () => (await answers()).every((status) => status === 404), { what: "both to answer" });
    } finally {
      await dialler.close();
    }
    expect(await dialled(second, (dial) => ask(dial(first)))).toBe(404);
  }, 30_000);

  test("leave no socket behind, not even when they are killed and start again", async () => {
    await first.stop("SIGKILL");
    const left = runtimeDirectoriesOf(first);
    expect(left).toHaveLength(1);
    await first.start();
    expect(runtimeDirectoriesOf(first)).toHaveLength(1);
    expect(runtimeDirectoriesOf(first)).not.toEqual(left);
    await until(() => dialled(second, (dial) => ask(dial(first))).then((status) => status === 404), {
      what: "it to be reached again",
    });
    expect(await first.stop()).toBe(0);
    expect(runtimeDirectoriesOf(first)).toEqual([]);
  }, 60_000);
});

const former = await versionBefore("docs/adr/0022-the-wire-between-proxies.md");

describeWith(former.availability, "a control plane from before proxies dialled each other", () => {
  test("certifies proxies of today, who reach each other once it is upgraded and need nobody to say so", async () => {
    await using resources = new AsyncDisposableStack();
    const database = resources.use(await createDatabase("internal port upgrade"));
    const { root } = resources.use(await buildFormer(former.commit));
    const stack = resources.use(await startStack({ databaseUrl: database.url, proxies: 2, controlRoot: root, env }));
    const [first, second] = [stack.proxy(0), stack.proxy(1)];
    await expect(dialled(first, (dial) => ask(dial(second)))).rejects.toThrow(/purpose/);
    expect(second.log()).toContain("the control plane is of a former version");

    await second.stop();
    await stack.control.stop();
    await stack.control.start({ isUpgraded: true });
    const kept = identityOf(second).cert;
    await second.start();
    // Half of the kept certificate's life is hours away.
    await until(() => identityOf(second).cert !== kept, { what: "the second to have another certificate" });
    // The first one's is still the old one.
    await until(() => dialled(first, (dial) => ask(dial(second))).then((status) => status === 404), {
      what: "the second to be reached",
    });
  }, 120_000);
});
