// The way between the workers of one proxy: each listens on a Unix socket of its own, by the number of its slot, in a
// directory that their user alone can enter. Whoever can open the socket is believed to be the worker that he says he is, in
// the host that he asks for: a header that was taken over from a client does not come as far. A worker that takes the place
// of another takes its name, too: whoever dials finds one of them at every moment. The one that goes has a name of its own life
// until it has gone, by which what only it has is brought to it.

import { hash } from "node:crypto";
import { chmodSync, linkSync, lstatSync, renameSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { join } from "node:path";
import type { ErrorCode } from "@tollgate/kernel/errors";
import { connectionBounds, connectionsMax, unusedConnections } from "../http/connection-bounds.ts";
import { createDeparture, nextPoll, type Departure } from "../http/departure.ts";
import type { Log } from "../log-output.ts";
import { connecting } from "../outgoing/connect.ts";
import { OutgoingPool } from "../outgoing/pool.ts";
import { answering, type OnRequest, type Peer } from "./peer.ts";

export type WorkerSocketParts = {
  directory: string;
  slot: number;
  /** Of this life of the worker. */
  boot: string;
  onRequest: OnRequest;
  log: Log;
};

export type WorkerSocket = Pick<Departure, "leave" | "drain">;

export type WorkerDialler = {
  /** Good as long as the dialler is: it finds whoever is in the slot at the time. */
  dial(slot: number): OutgoingPool;
  /** One life of a worker, which may be over. */
  dialLife(boot: string): OutgoingPool;
  close(): Promise<void>;
};

/** A stream that is forwarded has one for itself as long as it lasts. */
const connectionsPerWorkerMax = 4_096;
const connectMsMax = 1_000;

export function workerSocketPath(directory: string, slot: number): string {
  return join(directory, `w${slot}.sock`);
}

function lifeSocketPath(directory: string, boot: string): string {
  return join(directory, `b${hash("sha256", boot).slice(0, 8)}`);
}

export async function openWorkerSocket(parts: WorkerSocketParts): Promise<WorkerSocket> {
  const { directory, slot, boot, onRequest, log } = parts;
  const path = workerSocketPath(directory, slot);
  // Closing a server removes what it was bound to, which must not be the name that another has taken over.
  const boundTo = lifeSocketPath(directory, boot);
  rmSync(boundTo, { force: true });
  const server = createServer(
    connectionBounds,
    answering({ peerOf: workerOf, onRequest, departure: () => departure, log }),
  );
  server.maxConnections = connectionsMax;
  const departure = createDeparture(server);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // Exclusive: otherwise the primary would listen, and hand what comes to any worker.
    server.listen({ path: boundTo, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  chmodSync(boundTo, 0o600);
  takeName(boundTo, path);
  return {
    leave: departure.leave,
    drain(drainMs, after) {
      const hidden = Promise.resolve(after).then(() => hide(server, boundTo, path, log));
      return departure.drain(drainMs, hidden);
    },
  };
}

/** At once, so that there is no moment at which nobody has it. */
function takeName(from: string, path: string): void {
  const taking = `${from}n`;
  rmSync(taking, { force: true });
  linkSync(from, taking);
  renameSync(taking, path);
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/**
 * Nobody finds it from now on, and all who had were let in, if there is time: a connection that waits for that when its server
 * closes is lost with the request that its dialler may have sent by then.
 */
async function hide(server: Server, boundTo: string, path: string, log: Log): Promise<void> {
  try {
    // A successor's stays.
    if (inodeOf(path) === inodeOf(boundTo)) rmSync(path, { force: true });
    rmSync(boundTo, { force: true });
  } catch (error) {
    log.warn({ err: error, path }, "a socket could not be removed: a request that comes while it closes may be lost");
  }
  let hasCome = true;
  const came = (): void => void (hasCome = true);
  server.on("connection", came);
  // One is let in each time.
  while (hasCome) {
    hasCome = false;
    await nextPoll();
  }
  server.off("connection", came);
}

/** `own` is the slot of who dials. Without a directory every request fails as if nobody were there. */
export function createWorkerDialler(directory: string | undefined, own: number): WorkerDialler {
  const pools = new Map<number, OutgoingPool>();
  /** Only of late is there anything to bring to a life that is over, or soon will be. */
  let life: { readonly boot: string; readonly pool: OutgoingPool } | undefined;

  function open(pathIn: (directory: string) => string): OutgoingPool {
    const dial =
      directory === undefined ? undefined : connecting({ socketPath: pathIn(directory), timeout: connectMsMax });
    return new OutgoingPool(`http://${hostOf(own)}`, {
      connectionsMax: connectionsPerWorkerMax,
      ...unusedConnections,
      headBytesMax: connectionBounds.maxHeaderSize,
      connect(options, callback) {
        if (dial) dial(options, callback);
        else callback(new Error("the workers of this proxy have no sockets"), null);
      },
    });
  }

  return {
    dial(slot) {
      const pool = pools.get(slot) ?? open((within) => workerSocketPath(within, slot));
      pools.set(slot, pool);
      return pool;
    },
    dialLife(boot) {
      if (life?.boot === boot) return life.pool;
      // What is under way on it goes on.
      void life?.pool.close();
      const pool = open((within) => lifeSocketPath(within, boot));
      life = { boot, pool };
      return pool;
    },
    close: async () =>
      void (await Promise.all([...pools.values(), ...(life ? [life.pool] : [])].map((pool) => pool.destroy()))),
  };
}

function hostOf(slot: number): string {
  return `w${slot}.worker.tollgate.internal`;
}

function workerOf({ headers }: IncomingMessage): Peer | ErrorCode {
  const [, slot] = /^w(0|[1-9][0-9]{0,3})\.worker\.tollgate\.internal$/.exec(headers.host ?? "") ?? [];
  return slot === undefined ? "request.invalid" : { worker: Number(slot) };
}
