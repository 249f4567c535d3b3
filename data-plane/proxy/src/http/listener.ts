// The public port: limits on what a connection may cost, routing, a request id for every answer, health, and leaving without
// a failed call. First it says that it is not ready, and serves all the same, so that a balancer has time to notice; answers
// ask their clients to leave. Then it accepts nothing new, serves what still comes on the connections that are there, closes
// them as they fall idle, and cuts what is left at the deadline. It knows no protocol; doors do.

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { answerJson, answerRefusal } from "./answer.ts";
import { createSlots } from "../slots.ts";
import type { Log } from "../log-output.ts";
import type { Known } from "../readiness.ts";

export type Exchange = {
  readonly requestId: string;
  readonly startedMs: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query. */
  readonly path: string;
  /** Who hands it in: a client, or another worker or proxy of the fleet for one. */
  readonly from: "client" | Peer;
};

/** As whoever opened the way to it knows it: what stands in a request says nothing about it. */
export type Peer = { readonly proxyId: string } | { readonly worker: number };

export type Door = (exchange: Exchange) => void;

export type Listener = {
  server: Server;
  /** Not ready from now on, for balancers; everything is served as before. */
  leave(): void;
  /** Accepts nothing new; ends when the last call has, or at the deadline. */
  drain(drainMs: number): Promise<void>;
};

export type ListenerParts = {
  /** By the first part of the path: what stands below it is the door's own. */
  doors: ReadonlyMap<string, Door>;
  /** What the gate waits for; empty when it is ready. */
  waitsFor: () => readonly string[];
  known: () => Known;
  log: Log;
};

const bounds = {
  maxHeaderSize: 32 * 1024,
  /** A client that sends its headers or body by drops holds a connection no longer than this. */
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  /** A repeated `authorization` becomes one with a comma, which is refused; by default Node hides the second. */
  joinDuplicateHeaders: true,
  noDelay: true,
};
const connectionsMax = 20_000;
/** A call that began later would be cut, and nobody could say whether its tool ran. */
const lastCallMs = 1_000;
/** A client whose answer did not ask it to leave gets this long to send its next request before its connection is closed. */
const keptOpenMs = 200;
const idleCheckMs = 20;

export function createListener({ doors, waitsFor, known, log }: ListenerParts): Listener {
  let isLeaving = false;
  let refuseFromMs = Number.POSITIVE_INFINITY;
  let lastKeptOpenMs = Number.NEGATIVE_INFINITY;
  const underWay = createSlots<ServerResponse>();
  const server = createServer(bounds, (request, response) => {
    const path = pathOf(request.url ?? "/");
    const exchange = {
      requestId: randomUUID(),
      startedMs: performance.now(),
      request,
      response,
      path,
      from: "client" as const,
    };
    if (isLeaving) askToLeave(response);
    const leaves = underWay.add(response);
    response.once("close", () => {
      leaves();
      if (response.getHeader("connection") !== "close") lastKeptOpenMs = performance.now();
    });
    try {
      route(exchange);
    } catch (error) {
      log.error({ err: error, requestId: exchange.requestId }, "a request met a bug");
      answerRefusal(response, exchange.requestId, "internal.bug");
    }
  });
  server.maxConnections = connectionsMax;

  function askToLeave(response: ServerResponse): void {
    if (!response.headersSent) response.setHeader("connection", "close");
  }

  function route(exchange: Exchange): void {
    const { response, requestId, path } = exchange;
    const below = path.indexOf("/", 1);
    const door = doors.get(below < 0 ? path : path.slice(0, below));
    if (door !== undefined && performance.now() < refuseFromMs) return door(exchange);
    if (door !== undefined) return answerRefusal(response, requestId, "proxy.draining");
    if (path === "/healthz") return answerJson(response, requestId, 200, '{"status":"ok"}');
    if (path === "/readyz") return answerReadiness(response, requestId, isLeaving ? ["draining"] : waitsFor(), known());
    answerRefusal(response, requestId, "request.path-unknown");
  }

  function leave(): void {
    isLeaving = true;
    for (const response of underWay) askToLeave(response);
  }

  const mayCloseIdle = () => performance.now() - lastKeptOpenMs >= keptOpenMs;

  async function drain(drainMs: number): Promise<void> {
    leave();
    const endMs = performance.now() + drainMs;
    refuseFromMs = endMs - lastCallMs;
    // `close` closes idle connections itself.
    while (!mayCloseIdle() && performance.now() < endMs)
      await new Promise((resolve) => setTimeout(resolve, idleCheckMs));
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // A connection that was busy at the time of `close` turns idle later, and nobody else closes it then.
    const idle = setInterval(() => mayCloseIdle() && server.closeIdleConnections(), idleCheckMs);
    const cut = setTimeout(() => server.closeAllConnections(), Math.max(0, endMs - performance.now()));
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
  }

  return { server, leave, drain };
}

export function answerReadiness(
  response: ServerResponse,
  requestId: string,
  waits: readonly string[],
  known: Known,
): void {
  const body = waits.length === 0 ? { status: "ready" } : { status: "not-ready", waitsFor: waits };
  answerJson(response, requestId, waits.length === 0 ? 200 : 503, JSON.stringify({ ...body, ...known }));
}

function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
