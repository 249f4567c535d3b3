// What is known of an attempt that brings no head: whether the provider may have all of its request. Of one that it cannot have
// nothing is billed; taken for sent, a provider that is out of reach would cost whoever asks for it.

import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { TollgateError } from "@tollgate/kernel/errors";
import { expect, onTestFinished, test } from "vitest";
import { createDeadlines } from "../upstream/deadlines.ts";
import { guardedPool } from "../upstream/pool.ts";
import { Attempt } from "./attempt.ts";

const timeoutMs = 10_000;

/** How an attempt ends at a server that does this with each connection. */
async function attemptAt(
  serve: (socket: Socket) => void,
  body: Buffer,
  { isListening = true }: { isListening?: boolean } = {},
): Promise<{ error: TollgateError; wasSent: boolean }> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  if (!isListening) server.close();
  const pool = guardedPool(new URL(`http://127.0.0.1:${port}`), {
    ...{ allowPrivateNetwork: true, connectTimeoutMs: timeoutMs, connectionsMax: 1 },
  });
  onTestFinished(async () => {
    server.close();
    await pool.destroy();
  });
  const deadlines = createDeadlines();
  return new Promise((resolve, reject) => {
    const unexpected = () => reject(new Error("it was answered"));
    const attempt: Attempt = new Attempt(deadlines, timeoutMs, {
      ...{ onHead: unexpected, onData: unexpected, onEnd: unexpected },
      onFailed: (error) => resolve({ error, wasSent: attempt.wasSent() }),
    });
    attempt.start({ pool, basePath: "" }, { method: "POST", path: "/", headers: [], body });
  });
}

test("where nobody listens nothing was sent", async () => {
  const { error, wasSent } = await attemptAt(() => undefined, Buffer.from("{}"), { isListening: false });
  expect([error.code, wasSent]).toEqual(["upstream.unreachable", false]);
});

test("what arrived as a whole was sent, though the connection breaks behind it", async () => {
  const reset = (socket: Socket): void => void socket.once("data", () => socket.resetAndDestroy());
  const { error, wasSent } = await attemptAt(reset, Buffer.from("{}"));
  expect([error.code, wasSent]).toEqual(["upstream.unreachable", true]);
});

test("a body of which some was left when the connection broke was not sent", async () => {
  let bytesCome = 0;
  const large = Buffer.alloc(64 << 20);
  const { error, wasSent } = await attemptAt((socket) => {
    socket.once("data", (bytes: Buffer) => {
      bytesCome += bytes.length;
      socket.destroy();
    });
  }, large);
  expect(bytesCome).toBeGreaterThan(0);
  expect([error.code, wasSent]).toEqual(["upstream.unreachable", false]);
});
