// A port that is given out has to be free, and stay so while what listens there is away: a connection that goes out from it would keep
// a server from coming back. Those that systems choose for such connections are above.

import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { freePort, freePorts } from "./free-port.ts";

const taken: Server[] = [];
afterEach(async () => {
  await Promise.all(taken.splice(0).map((server) => new Promise((closed) => server.close(closed))));
});

async function take(port: number): Promise<void> {
  const server = createServer().listen(port, "127.0.0.1");
  taken.push(server);
  await once(server, "listening");
}

test("differ from each other, can be listened at, and are below those of connections that go out", async () => {
  const ports = await freePorts(300);
  expect(new Set(ports).size).toBe(300);
  expect(ports.filter((port) => port < 1_024 || port >= 32_768)).toEqual([]);
  await Promise.all(ports.map(take));
});

test("are none at which somebody listens", async () => {
  const ports = await freePorts(1_500);
  await Promise.all(ports.map(take));
  // Of 12,000 every eighth is taken: were they not looked at, one of these would be.
  const others = await freePorts(300);
  expect(others.filter((port) => ports.includes(port))).toEqual([]);
  expect(ports).not.toContain(await freePort());
});
