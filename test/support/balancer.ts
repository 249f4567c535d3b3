// A TCP balancer as small as one can be: it probes `/readyz` of each target every fifty milliseconds, gives each connection to
// the next target that was ready, and passes bytes on in both directions, half-closed connections included. It retries
// nothing that was connected, so whatever a target does to a connection its client feels. It never drains by itself.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Target {
  readonly port: number;
  /** Answers 200 while the target wants connections. */
  readonly probeUrl: string;
}

export interface Balancer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Whether the target at this port gets connections just now: what it says of itself is known here one probe later. */
  givesTo(port: number): boolean;
}

const probeMs = 50;
const probeMsMax = 1_000;

export async function startBalancer(targets: readonly Target[]): Promise<Balancer> {
  const ready = new Set<Target>();
  const sockets = new Set<Socket>();
  const stopping = new AbortController();
  let turn = 0;

  async function probe(target: Target): Promise<void> {
    while (!stopping.signal.aborted) {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(probeMsMax)]);
      const isReady = await fetch(target.probeUrl, { signal, headers: { connection: "close" } }).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) ready.add(target);
      else ready.delete(target);
      await delay(probeMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  function pass(from: Socket, to: Socket): void {
    sockets.add(from);
    from.on("close", () => {
      sockets.delete(from);
      if (from.errored) to.resetAndDestroy();
    });
    from.on("error", () => undefined);
    from.pipe(to);
  }

  /** The next that is ready and can be reached; a connection that was not made has carried nothing. */
  function forward(client: Socket, left = targets.length): void {
    const candidates = targets.filter((target) => ready.has(target));
    const target = candidates[turn++ % Math.max(1, candidates.length)];
    if (target === undefined || left === 0) return void client.resetAndDestroy();
    const upstream = connect({ host: "127.0.0.1", port: target.port, allowHalfOpen: true, noDelay: true });
    const unreachable = (): void => {
      ready.delete(target);
      forward(client, left - 1);
    };
    upstream.once("error", unreachable);
    upstream.once("connect", () => {
      upstream.off("error", unreachable);
      pass(client, upstream);
      pass(upstream, client);
    });
  }

  const probing = targets.map(probe);
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => {
    client.on("error", () => undefined);
    forward(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    givesTo: (targetPort) => [...ready].some((target) => target.port === targetPort),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(probing);
    },
  };
}
