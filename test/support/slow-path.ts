// A stretch of network that is far: a TCP port before another, on which all bytes take as long again to arrive, in both
// directions and in order. Bytes are neither lost nor reordered, and as many may be under way as are written.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface SlowPath extends AsyncDisposable {
  readonly port: number;
}

export async function startSlowPath(targetPort: number, oneWayMs: number): Promise<SlowPath> {
  const sockets = new Set<Socket>();
  const carry = (from: Socket, to: Socket): void => {
    sockets.add(from);
    // Timers of the same length fire in the order in which they were set.
    const later = (does: () => void): void => void setTimeout(does, oneWayMs);
    from.on("data", (bytes) => later(() => void to.write(bytes)));
    from.on("end", () => later(() => void to.end()));
    from.on("error", () => undefined);
    from.on("close", () => {
      sockets.delete(from);
      if (from.errored) later(() => void to.destroy());
    });
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ host: "127.0.0.1", port: targetPort, allowHalfOpen: true, noDelay: true });
    carry(near, far);
    carry(far, near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
