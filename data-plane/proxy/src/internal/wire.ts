// A worker's end of the wire: its socket for the other workers, its share of the internal port, and the ways to both. The
// port opens when there is a certificate to show, which may be later than everything else; a new one takes the old one's
// place under what is going on. What is asked over the wire is for `onRequest`.

import type { WorkerStart } from "../ipc.ts";
import type { Log } from "../log-output.ts";
import type { OutgoingPool } from "../outgoing/pool.ts";
import type { InternalIdentity } from "./identity.ts";
import { openInternalPort, type InternalPort, type StrangerReason } from "./internal-port.ts";
import type { OnRequest } from "./peer.ts";
import { createProxyDialler } from "./proxy-dialler.ts";
import { createWorkerDialler, openWorkerSocket, type WorkerSocket } from "./worker-sockets.ts";

export type WireParts = {
  start: Pick<WorkerStart, "slot" | "boot" | "runtimeDirectory" | "internal">;
  host: string;
  onRequest: OnRequest;
  onStranger: (reason: StrangerReason) => void;
  /** The internal port cannot be opened. */
  onFailed: (error: unknown) => void;
  log: Log;
};

export type Wire = {
  /** Resolves also where another worker will not reach this one, which is said in the log. */
  open(): Promise<void>;
  use(identity: InternalIdentity): void;
  /** Another proxy, at the address at which it says that it is reached. */
  dialProxy(address: string, proxyId: string): OutgoingPool;
  /** Another worker of this proxy. */
  dialWorker(slot: number): OutgoingPool;
  /** One life of a worker of this proxy. */
  dialLife(boot: string): OutgoingPool;
  leave(): void;
  /** Can be reached until `after`, or the deadline. */
  drain(drainMs: number, after: Promise<unknown>): Promise<void>;
  close(): Promise<void>;
};

export function createWire({ start, host, onRequest, onStranger, onFailed, log }: WireParts): Wire {
  const { slot, boot, runtimeDirectory: directory, internal } = start;
  const proxies = createProxyDialler();
  const workers = createWorkerDialler(directory, slot);
  let socket: WorkerSocket | undefined;
  let identity: InternalIdentity | undefined;
  let port: "closed" | "opening" | InternalPort = "closed";
  let isLeaving = false;

  async function openPort(at: number, first: InternalIdentity): Promise<void> {
    port = "opening";
    const opened = await openInternalPort({ host, port: at, identity: first, onRequest, onStranger, log });
    port = opened;
    if (identity !== undefined && identity !== first) opened.renew(identity);
    if (isLeaving) opened.leave();
  }

  return {
    async open() {
      // The primary has said why there is none.
      if (directory === undefined) return;
      try {
        socket = await openWorkerSocket({ directory, slot, boot, onRequest, log });
      } catch (error) {
        // What comes to the public port can be served all the same.
        log.error({ err: error, slot }, "the other workers cannot reach this one");
      }
    },
    use(newer) {
      identity = newer;
      proxies.renew(newer);
      if (internal === undefined || port === "opening") return;
      if (port === "closed") openPort(internal.port, newer).catch(onFailed);
      else port.renew(newer);
    },
    dialProxy: proxies.dial,
    dialWorker: workers.dial,
    dialLife: workers.dialLife,
    leave() {
      isLeaving = true;
      socket?.leave();
      if (typeof port === "object") port.leave();
    },
    async drain(drainMs, after) {
      isLeaving = true;
      const open = [socket, typeof port === "object" ? port : undefined];
      await Promise.all(open.map(async (one) => one?.drain(drainMs, after)));
    },
    close: async () => void (await Promise.all([proxies.close(), workers.close()])),
  };
}
