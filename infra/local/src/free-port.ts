// Finds TCP ports of the loopback that nobody listens on, for servers that cannot bind port 0 themselves (PostgreSQL, Kafka), or
// that have to come back at the same one. Ports asked for together differ from each other. They are below those that systems give
// to connections that go out: one of those may hold a port for minutes after the server at it was stopped. Another server may take
// a port before it is bound: whoever starts the server handles that refusal.
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";

/** Linux gives out those from 32,768 on, others those from 49,152 on. */
const range = { first: 20_000, end: 32_000 };
const triesMax = 1_000;

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error("asked for one port, got none");
  return port;
}

export async function freePorts(count: number): Promise<number[]> {
  // All are held open until the last is known, so that none is found twice.
  const holders: Server[] = [];
  const ports: number[] = [];
  try {
    for (let tries = 0; ports.length < count; tries++) {
      if (tries >= triesMax + count) throw new Error(`no free port was found between ${range.first} and ${range.end}`);
      const port = randomInt(range.first, range.end);
      const holder = await held(port);
      if (holder === undefined) continue;
      holders.push(holder);
      ports.push(port);
    }
    return ports;
  } finally {
    await Promise.all(holders.map((holder) => new Promise((closed) => holder.close(closed))));
  }
}

/** Undefined where somebody listens there, or may: systems keep some ports to themselves. */
async function held(port: number): Promise<Server | undefined> {
  const holder = createServer();
  try {
    holder.listen(port, "127.0.0.1");
    await once(holder, "listening");
    return holder;
  } catch {
    return undefined;
  }
}
