// An answer that is cut because its control plane is replaced leaves its client in doubt whether his command was taken; one
// that was never heard, though he was let in, has to be sent again by somebody who may not know that he can.

import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { createDeparture, type Departure } from "./departure.ts";

const post = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";

type Leaving = { readonly departure: Departure; readonly port: number; isListening(): boolean };

async function startLeaving(answer: Buffer | string, keptOpenMs: number): Promise<Leaving> {
  const server = createServer((request, response) => departure.see(request, response, () => response.end(answer)));
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

test("whoever has connected is heard, and nobody else connects", async () => {
  const { departure, port, isListening } = await startLeaving("heard", 60_000);
  const socket = await connected(port);
  const closed = departure.close();
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(isListening()).toBe(false);
  await expect(connected(port)).rejects.toThrow("ECONNREFUSED");
  socket.write(post);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  expect(text).toMatch(/^HTTP\/1.1 200 .*connection: close.*heard/is);
  await closed;
});

test("an answer that is on its way to a slow client comes whole", async () => {
  const body = Buffer.alloc(16 * 1024 * 1024, "x");
  const { departure, port } = await startLeaving(body, 0);
  const socket = await connected(port);
  socket.write(post);
  let [bytes, closed]: [number, Promise<void> | undefined] = [0, undefined];
  for await (const chunk of socket) {
    closed ??= departure.close();
    bytes += (chunk as Buffer).length;
    // What makes it slow: it takes longer than one look for what is idle.
    await delay(1);
    if (bytes > body.length) socket.end();
  }
  expect(bytes).toBeGreaterThan(body.length);
  await closed;
});
