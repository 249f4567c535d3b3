// What both planes promise when a port is left: whoever was let in is heard, and whoever has been answered gets all of it. A client
// that is cut cannot tell whether his request was taken, and a tool or a command must not run twice.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";

export interface Leaving {
  see(request: IncomingMessage, response: ServerResponse, next: () => void): void;
  close(): Promise<void>;
}

type Create = (server: Server, keptOpenMs: number) => Leaving;

const post = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";

async function start(create: Create, answer: Buffer | string, keptOpenMs: number) {
  const server = createServer((request, response) => leaving.see(request, response, () => response.end(answer)));
  const leaving = create(server, keptOpenMs);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, leaving, port: (server.address() as AddressInfo).port };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

export function leavesNobodyCut(create: Create): void {
  test("whoever has connected is heard, and nobody else connects", async () => {
    const { server, leaving, port } = await start(create, "heard", 60_000);
    const socket = await connected(port);
    const closed = leaving.close();
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(server.listening).toBe(false);
    await expect(connected(port)).rejects.toThrow("ECONNREFUSED");
    socket.write(post);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1.1 200 .*connection: close.*heard/is);
    await closed;
  });

  test("an answer that is on its way to a slow client comes whole", async () => {
    const body = Buffer.alloc(16 * 1024 * 1024, "x");
    const { leaving, port } = await start(create, body, 0);
    const socket = await connected(port);
    socket.write(post);
    let [bytes, closed]: [number, Promise<void> | undefined] = [0, undefined];
    for await (const chunk of socket) {
      closed ??= leaving.close();
      bytes += (chunk as Buffer).length;
      // What makes it slow: it takes longer than one look for what is idle.
      await delay(1);
      if (bytes > body.length) socket.end();
    }
    expect(bytes).toBeGreaterThan(body.length);
    await closed;
  });
}
