// Finds TCP ports of the loopback that nobody listens on, for servers that cannot bind port 0 themselves (PostgreSQL,
// Kafka). Ports asked for together differ from each other. Another process may take a port before its server binds it:
// whoever starts the server handles that refusal.
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error("asked for one port, got none");
  return port;
}

export async function freePorts(count: number): Promise<number[]> {
  // All are held open until the last is known; closed one by one, the kernel would hand out the same port twice.
  const holders: Server[] = [];
  try {
    const ports: number[] = [];
    for (let i = 0; i < count; i++) {
      const holder = createServer();
      holders.push(holder);
      holder.listen(0, "127.0.0.1");
      await once(holder, "listening");
      const address = holder.address();
      if (address === null || typeof address === "string") throw new Error("a listening TCP server has no port");
      ports.push(address.port);
    }
    return ports;
  } finally {
    await Promise.all(holders.map((holder) => new Promise((closed) => holder.close(closed))));
  }
}
