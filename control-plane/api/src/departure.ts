// How the control plane's port is left without an answer that is cut. First its answers ask their clients to come by another
// connection; then it accepts nothing new, answers what still comes on the connections that are there, and closes them as they
// fall idle. When it has taken too long is for its process to decide. As a proxy leaves, with which it shares no code.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as Listening } from "node:net";

export type Departure = {
  see(request: IncomingMessage, response: ServerResponse, next: () => void): void;
  /** Everything is served as before. */
  leave(): void;
  /** Ends when the last connection has. */
  close(): Promise<void>;
};

/** Who has just connected, or whose answer did not ask him to leave, gets this long to send his next request. */
const usualKeptOpenMs = 200;
const idleCheckMs = 20;

export function createDeparture(server: Server, keptOpenMs = usualKeptOpenMs): Departure {
  const underWay = new Set<ServerResponse>();
  let isLeaving = false;
  let lastKeptOpenMs = Number.NEGATIVE_INFINITY;
  const keptOpen = (): void => void (lastKeptOpenMs = performance.now());
  server.on("connection", keptOpen);

  function askToLeave(response: ServerResponse): void {
    if (!response.headersSent) response.setHeader("connection", "close");
  }

  function leave(): void {
    isLeaving = true;
    underWay.forEach(askToLeave);
  }

  /** By a time before the poll: who is idle can be told only of what was read. */
  async function mayCloseIdle(): Promise<boolean> {
    const askedMs = performance.now();
    // The first may end the turn whose events were fetched before.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    // To the server a connection is idle, too, whose answer has ended and is still on its way to a slow client.
    for (const response of underWay) if (response.writableEnded) return false;
    return askedMs - lastKeptOpenMs >= keptOpenMs;
  }

  return {
    see(_request, response, next) {
      if (isLeaving) askToLeave(response);
      underWay.add(response);
      response.once("close", () => {
        underWay.delete(response);
        if (response.getHeader("connection") !== "close") keptOpen();
      });
      next();
    },
    leave,
    async close() {
      leave();
      // HTTP's own `close` would cut at once what it takes for idle.
      const closed = new Promise<void>((resolve) => Listening.prototype.close.call(server, () => resolve()));
      const closeIdle = async (): Promise<void> => {
        if (await mayCloseIdle()) server.closeIdleConnections();
      };
      const idle = setInterval(() => void closeIdle(), idleCheckMs);
      await closed;
      clearInterval(idle);
    },
  };
}
