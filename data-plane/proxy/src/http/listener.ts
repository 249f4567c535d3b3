// The public port: limits on what a connection may cost, routing, a request id for every answer, health, and the drain.
// While draining, answers ask the client to leave, idle connections are closed, and what is left at the deadline is cut.
// It knows no protocol; doors do.

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { answerJson, answerRefusal } from "./answer.ts";
import type { Log } from "../log-output.ts";
import type { Known } from "../readiness.ts";

export type Exchange = {
  readonly requestId: string;
  readonly startedMs: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
};

export type Door = (exchange: Exchange) => void;

export type Listener = {
  server: Server;
  /** Ends when the last call has, or at the deadline. */
  drain(drainMs: number): Promise<void>;
  isDraining(): boolean;
};

export type ListenerParts = {
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

export function createListener({ doors, waitsFor, known, log }: ListenerParts): Listener {
  let draining = false;
  const server = createServer(bounds, (request, response) => {
    const exchange = { requestId: randomUUID(), startedMs: performance.now(), request, response };
    if (draining) response.setHeader("connection", "close");
    try {
      route(exchange);
    } catch (error) {
      log.error({ err: error, requestId: exchange.requestId }, "a request met a bug");
      answerRefusal(response, exchange.requestId, "internal.bug");
    }
  });
  server.maxConnections = connectionsMax;

  function route(exchange: Exchange): void {
    const { request, response, requestId } = exchange;
    const path = pathOf(request.url ?? "/");
    const door = doors.get(path);
    if (door !== undefined) return draining ? answerRefusal(response, requestId, "proxy.draining") : door(exchange);
    if (path === "/healthz") return answerJson(response, requestId, 200, '{"status":"ok"}');
    if (path === "/readyz") return answerReadiness(response, requestId, draining ? ["draining"] : waitsFor(), known());
    answerRefusal(response, requestId, "request.path-unknown");
  }

  async function drain(drainMs: number): Promise<void> {
    draining = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // A connection that was busy at the time of `close` turns idle later, and nobody else closes it then.
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    const cut = setTimeout(() => server.closeAllConnections(), drainMs);
    await closed;
    clearInterval(idle);
    clearTimeout(cut);
  }

  return { server, drain, isDraining: () => draining };
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
