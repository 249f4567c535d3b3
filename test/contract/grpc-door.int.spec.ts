// The door between the planes, both halves of it: nobody comes in without the token, an error keeps its code and a bug keeps
// its text to itself, a slow reader slows the sender, and a stop waits for nobody for ever.

import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { serve, startGrpcServer, type GrpcServer, type ServiceMethods } from "@tollgate/api/grpc-server";
import { TollgateError } from "@tollgate/kernel/errors";
import { openControlPlane, type ControlPlane } from "@tollgate/proxy/grpc";
import type { Sync } from "@tollgate/schema/sync";
import { Sync as SyncService } from "@tollgate/schema/sync";
import { afterEach, expect, test } from "vitest";
import { newCaller } from "../support/caller.ts";
import { socketDoor, type SocketDoor } from "../support/socket-door.ts";

const chunks = 200;
const chunkBytes = 1024 * 1024;
const endsEarly = 1n;

let server: GrpcServer | undefined;
let client: ControlPlane | undefined;
let socket: SocketDoor | undefined;

afterEach(async () => {
  client?.close();
  await server?.stop();
  socket?.remove();
});

const counts = { made: 0, ended: 0, bugs: [] as unknown[] };

const methods: ServiceMethods<typeof Sync> = {
  async *snapshot({ atLeast }) {
    counts.made = 0;
    for (; counts.made < chunks; counts.made++) {
      if (atLeast === endsEarly && counts.made === chunks / 2) throw new TollgateError("sync.snapshot-too-slow");
      yield { resources: [{ kind: "key", id: "k", body: new Uint8Array(chunkBytes) }] };
    }
  },
  async *watch(_request, signal) {
    yield { tick: { head: 1n, timeMs: 1n } };
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    counts.ended++;
  },
  async report({ proxyId }) {
    if (proxyId === "bug") throw new Error("a text with something internal");
    if (proxyId === "refused") throw new TollgateError("sync.log-differs");
    return { stored: [{ epoch: 1n, seq: 2n }] };
  },
};

async function open(token?: string): Promise<ControlPlane> {
  const onBug = (bug: unknown): void => void counts.bugs.push(bug);
  socket = socketDoor();
  server = await startGrpcServer({ ...socket.server, services: [serve(SyncService, methods)], onBug });
  client = openControlPlane(socket.way(token), newCaller());
  return client;
}

function door(): SocketDoor["server"] {
  if (!socket) throw new Error("no door was opened");
  return socket.server;
}

function pathOf(): string {
  const opened = door().door;
  if (opened.kind !== "socket") throw new Error("this is no socket");
  return opened.path;
}

async function first<T>(stream: AsyncIterable<T>): Promise<T | undefined> {
  for await (const one of stream) return one;
  return undefined;
}

const never = (): AbortSignal => new AbortController().signal;

test.each(["", "the wrong token"])("nobody comes in over the socket with the token %j", async (token) => {
  const { sync } = await open(token);
  const refused = { code: 16, details: expect.stringContaining("join token") };
  await expect(sync.report({ proxyId: "p" })).rejects.toMatchObject(refused);
  await expect(first(sync.snapshot({}, never()))).rejects.toMatchObject(refused);
  await expect(first(sync.watch({}, never()))).rejects.toMatchObject(refused);
});

test("the socket and its directory are for this user alone, and one that a killed process left is taken over", async () => {
  const modeOf = (path: string): number => statSync(path).mode & 0o777;
  await open();
  const path = pathOf();
  expect([modeOf(dirname(path)), modeOf(path)]).toEqual([0o700, 0o600]);
  await server?.stop();
  await leaveSocket(path);
  server = await startGrpcServer({ ...door(), services: [serve(SyncService, methods)], onBug: () => undefined });
  expect(modeOf(path)).toBe(0o600);
});

/** As a process that is killed does. */
async function leaveSocket(path: string): Promise<void> {
  const listening = createServer();
  await new Promise<void>((resolve) => listening.listen(`${path}.former`, resolve));
  renameSync(`${path}.former`, path);
  await new Promise((resolve) => listening.close(resolve));
}

test("a directory that others may enter is not changed, and a file that is no socket not removed: both are refused", async () => {
  socket = socketDoor();
  const path = pathOf();
  const opening = () => startGrpcServer({ ...door(), services: [], onBug: () => undefined });
  mkdirSync(dirname(path));
  chmodSync(dirname(path), 0o755);
  await expect(opening()).rejects.toThrow(/TOLLGATE_GRPC_SOCKET lies in .* open to other users \(mode 755\)/);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o755);
  chmodSync(dirname(path), 0o700);
  writeFileSync(path, "somebody's");
  await expect(opening()).rejects.toThrow(/is no socket/);
  expect(readFileSync(path, "utf8")).toBe("somebody's");
});

test("a refusal keeps its code; a bug is told to us and not to them", async () => {
  const { sync } = await open();
  expect((await sync.report({ proxyId: "p" })).stored).toMatchObject([{ epoch: 1n, seq: 2n }]);
  await expect(sync.report({ proxyId: "refused" })).rejects.toMatchObject({ code: 10 });
  const bug = await sync.report({ proxyId: "bug" }).catch((error: unknown) => String(error));
  expect(bug).not.toContain("something internal");
  expect(counts.bugs.map(String)).toEqual(["Error: a text with something internal"]);
});

test("a reader that stops reading stops the sender, and gets everything when it goes on", async () => {
  const { sync } = await open();
  let read = 0;
  for await (const { resources } of sync.snapshot({}, never())) {
    read += resources.length;
    if (read !== 1) continue;
    // Calls that come and go meanwhile give the sender all the time it wants.
    for (let n = 0; n < 30; n++) await sync.report({ proxyId: "p" });
    expect(counts.made).toBeLessThan(chunks / 2);
  }
  expect(read).toBe(chunks);
});

test("a stream that is refused in its middle does not look whole, however late its reader goes on", async () => {
  const { sync } = await open();
  let read = 0;
  const reading = (async () => {
    for await (const { resources } of sync.snapshot({ atLeast: endsEarly }, never())) {
      read += resources.length;
      for (let n = 0; read === 1 && n < 30; n++) await sync.report({ proxyId: "p" });
    }
  })();
  await expect(reading).rejects.toMatchObject({ code: 14, details: expect.stringContaining("not read in the time") });
  expect(read).toBeLessThanOrEqual(chunks / 2);
});

test("a watch ends on the server when the proxy hangs up, and a stop ends those that do not", async () => {
  const { sync } = await open();
  counts.ended = 0;
  await first(sync.watch({}, never()));
  await expect.poll(() => counts.ended).toBe(1);
  const watch = sync.watch({}, never())[Symbol.asyncIterator]();
  await watch.next();
  await server?.stop();
  expect(counts.ended).toBe(2);
  expect(await watch.next().catch((error: unknown) => error)).toBeDefined();
});
