// Who leaves closes connections that nobody uses. One whose request has come and was not looked at yet, whose client has only
// just connected, or whose answer is still on its way is no such connection: a client that is cut cannot tell whether his
// request was taken, and a tool must not run twice.

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { createDeparture, nextPoll, type Departure } from "./departure.ts";

/** Longer than a connection is kept open for its client's next request. */
const standstillMs = 500;

/** A client that goes on while its server's process stands still: asks, asks again when told to, and says what came of it. */
const client = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { port, sent } = workerData;
  const request = "POST / HTTP/1.1\\r\\nhost: a\\r\\ncontent-length: 0\\r\\n\\r\\n";
  const socket = require("node:net").connect(port, "127.0.0.1", () => socket.write(request));
  let answers = 0;
  socket.on("data", (data) => {
    answers += data.toString().split("HTTP/1.1 200").length - 1;
    parentPort.postMessage(answers);
  });
  socket.on("error", () => undefined);
  socket.on("close", () => process.exit(0));
  parentPort.on("message", () =>
    socket.write(request, () => {
      Atomics.store(sent, 0, 1);
      Atomics.notify(sent, 0);
    }),
  );
`;

const post = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";

type Leaving = { readonly departure: Departure; readonly port: number; isListening(): boolean };

async function startLeaving(answer: RequestListener, keptOpenMs?: number): Promise<Leaving> {
  const server = createServer((request, response) => {
    departure.serve(response);
    answer(request, response);
  });
  const departure = createDeparture(server, keptOpenMs);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { departure, port: (server.address() as AddressInfo).port, isListening: () => server.listening };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

async function textFrom(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

test("a request that came while the process stood still is answered before its connection is closed", async () => {
  const { departure, port } = await startLeaving((_request, response) => response.end());
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const asking = new Worker(client, { eval: true, workerData: { port, sent } });
  const gone = once(asking, "exit");
  let answers = 0;
  asking.on("message", (count: number) => (answers = count));
  await once(asking, "message");

  const drained = departure.drain(10_000);
  asking.postMessage("again");
  expect(Atomics.wait(sent, 0, 0, 20_000)).not.toBe("timed-out");
  // The standstill itself; the request waits to be read.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, standstillMs);
  await drained;
  await gone;
  expect(answers).toBe(2);
});

test("whoever has connected is heard, and nobody else connects", async () => {
  const { departure, port, isListening } = await startLeaving((_request, response) => response.end("heard"), 60_000);
  const socket = await connected(port);
  const drained = departure.drain(60_000);
  for (let poll = 0; poll < 3; poll++) await nextPoll();
  expect(isListening()).toBe(false);
  await expect(connected(port)).rejects.toThrow("ECONNREFUSED");
  socket.write(post);
  expect(await textFrom(socket)).toMatch(/^HTTP\/1.1 200 .*connection: close.*heard/is);
  await drained;
});

test("an answer that is on its way to a slow client comes whole", async () => {
  const body = Buffer.alloc(16 * 1024 * 1024, "x");
  const { departure, port } = await startLeaving((_request, response) => response.end(body), 0);
  const socket = await connected(port);
  socket.write(post);
  let [bytes, drained]: [number, Promise<void> | undefined] = [0, undefined];
  for await (const chunk of socket) {
    drained ??= departure.drain(60_000);
    bytes += (chunk as Buffer).length;
    // What makes it slow: it takes longer than one look for what is idle.
    await delay(1);
    if (bytes > body.length) socket.end();
  }
  expect(bytes).toBeGreaterThan(body.length);
  await drained;
});
