// How a server leaves without a failed request. First it serves as before, and its answers ask their clients to leave. Then it
// accepts nothing new, serves what still comes on the connections that are there, closes them as they fall idle, and cuts
// what is left at the deadline. What it says to a request that comes too late is for the server to decide.

import type { Server, ServerResponse } from "node:http";
import { Server as Listening } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createSlots } from "../slots.ts";

export type Departure = {
  isLeaving(): boolean;
  /** Whether a call that begins now would be cut, and nobody could say whether its tool ran. */
  isTooLate(): boolean;
  /** To be told of each response, before anything is done about it. */
  serve(response: ServerResponse): void;
  /** Everything is served as before. */
  leave(): void;
  /**
   * Accepts nothing new; ends when the last response has, or at the deadline. With `after`, not before that: what is still
   * served elsewhere may have to reach this one.
   */
  drain(drainMs: number, after?: Promise<unknown>): Promise<void>;
};

const lastCallMs = 1_000;
/** Who has just connected, or whose answer did not ask him to leave, gets this long to send his next request. */
const usualKeptOpenMs = 200;
const idleCheckMs = 20;

type Closing = Listening & Pick<Server, "closeIdleConnections" | "closeAllConnections">;

/** When it ends, what had come on the connections of this process when it began has been read. */
export async function nextPoll(): Promise<void> {
  // The first may end the turn whose events were fetched before.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export function createDeparture(server: Closing, keptOpenMs = usualKeptOpenMs): Departure {
  let isLeaving = false;
  let refuseFromMs = Number.POSITIVE_INFINITY;
  let lastKeptOpenMs = Number.NEGATIVE_INFINITY;
  const underWay = createSlots<ServerResponse>();
  const keptOpen = (): void => void (lastKeptOpenMs = performance.now());
  // With TLS nothing can be sent before the second.
  for (const came of ["connection", "secureConnection"]) server.on(came, keptOpen);

  function askToLeave(response: ServerResponse): void {
    if (!response.headersSent) response.setHeader("connection", "close");
  }

  function leave(): void {
    isLeaving = true;
    for (const response of underWay) askToLeave(response);
  }

  /** By a time before the poll: who is idle can be told only of what was read. */
  async function mayCloseIdle(): Promise<boolean> {
    const askedMs = performance.now();
    await nextPoll();
    // To the server a connection is idle, too, whose answer has ended and is still on its way to a slow client.
    for (const response of underWay) if (response.writableEnded) return false;
    return askedMs - lastKeptOpenMs >= keptOpenMs;
  }

  return {
    isLeaving: () => isLeaving,
    isTooLate: () => performance.now() >= refuseFromMs,
    serve(response) {
      if (isLeaving) askToLeave(response);
      const leaves = underWay.add(response);
      // It is said once; `once` would cost a listener more.
      response.on("close", () => {
        leaves();
        if (response.getHeader("connection") !== "close") keptOpen();
      });
    },
    leave,
    async drain(drainMs, after) {
      leave();
      const endMs = performance.now() + drainMs;
      refuseFromMs = endMs - lastCallMs;
      if (after) await Promise.race([after, delay(drainMs, undefined, { ref: false })]);
      // HTTP's own `close` would cut at once what it takes for idle.
      const closed = new Promise<void>((resolve) => Listening.prototype.close.call(server, () => resolve()));
      const closeIdle = async (): Promise<void> => {
        if (await mayCloseIdle()) server.closeIdleConnections();
      };
      const idle = setInterval(() => void closeIdle(), idleCheckMs);
      const cut = setTimeout(() => server.closeAllConnections(), Math.max(0, endMs - performance.now()));
      await closed;
      clearInterval(idle);
      clearTimeout(cut);
    },
  };
}
