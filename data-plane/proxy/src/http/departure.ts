// How a server leaves without a failed request. First it serves as before, and its answers ask their clients to leave. Then it
// accepts nothing new, serves what still comes on the connections that are there, closes them as they fall idle, and cuts
// what is left at the deadline. What it says to a request that comes too late is for the server to decide.

import type { Server, ServerResponse } from "node:http";
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
/** A client whose answer did not ask it to leave gets this long to send its next request before its connection is closed. */
const keptOpenMs = 200;
const idleCheckMs = 20;

/** When it ends, all that the system had for this process when it began has been read. */
export async function nextPoll(): Promise<void> {
  // The first may end the turn whose events were fetched before.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}

type Closing = Pick<Server, "close" | "closeIdleConnections" | "closeAllConnections">;

export function createDeparture(server: Closing): Departure {
  let isLeaving = false;
  let refuseFromMs = Number.POSITIVE_INFINITY;
  let lastKeptOpenMs = Number.NEGATIVE_INFINITY;
  const underWay = createSlots<ServerResponse>();

  function askToLeave(response: ServerResponse): void {
    if (!response.headersSent) response.setHeader("connection", "close");
  }

  function leave(): void {
    isLeaving = true;
    for (const response of underWay) askToLeave(response);
  }

  /** Asked of a process that stood still, it is true only of what has been read: a request may have come meanwhile. */
  async function mayCloseIdle(): Promise<boolean> {
    await nextPoll();
    return performance.now() - lastKeptOpenMs >= keptOpenMs;
  }

  return {
    isLeaving: () => isLeaving,
    isTooLate: () => performance.now() >= refuseFromMs,
    serve(response) {
      if (isLeaving) askToLeave(response);
      const leaves = underWay.add(response);
      response.once("close", () => {
        leaves();
        if (response.getHeader("connection") !== "close") lastKeptOpenMs = performance.now();
      });
    },
    leave,
    async drain(drainMs, after) {
      leave();
      const endMs = performance.now() + drainMs;
      refuseFromMs = endMs - lastCallMs;
      if (after) await Promise.race([after, delay(drainMs, undefined, { ref: false })]);
      // `close` closes idle connections itself.
      while (!(await mayCloseIdle()) && performance.now() < endMs)
        await new Promise((resolve) => setTimeout(resolve, idleCheckMs));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that was busy at the time of `close` turns idle later, and nobody else closes it then.
      const closeIdle = async () => (await mayCloseIdle()) && server.closeIdleConnections();
      const idle = setInterval(() => void closeIdle(), idleCheckMs);
      const cut = setTimeout(() => server.closeAllConnections(), Math.max(0, endMs - performance.now()));
      await closed;
      clearInterval(idle);
      clearTimeout(cut);
    },
  };
}
