// The public port: limits on what a connection may cost, routing, a request id for every answer, health, and leaving without
// a failed call. Who leaves says first that he is not ready, and serves all the same, so that a balancer has time to notice;
// how he goes then is `departure.ts`. It knows no protocol; doors do.

import { randomUUID } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { ErrorCode } from "@tollgate/kernel/errors";
import { answerJson, answerRefusal } from "./answer.ts";
import { connectionBounds, connectionsMax, unreadBodyMs } from "./connection-bounds.ts";
import { createDeparture } from "./departure.ts";
import type { GateRequest } from "./gate-request.ts";
import type { GateResponse } from "./gate-response.ts";
import { answerUnserved, closeUnread } from "./unserved.ts";
import type { Peer } from "../internal/peer.ts";
import type { Log } from "../log-output.ts";
import type { Known } from "../readiness.ts";

export type Exchange = {
  readonly requestId: string;
  readonly startedMs: number;
  readonly request: GateRequest;
  readonly response: GateResponse;
  /** Without the query. */
  readonly path: string;
  /** Who hands it in: a client, or another worker or proxy of the fleet for one. */
  readonly from: "client" | Peer;
};

export type Door = {
  serve(exchange: Exchange): void;
  /** Says no in the words of its protocol, whatever the request is. */
  refuse(exchange: Exchange, code: ErrorCode): void;
};

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
  /** Milliseconds that a client gets to end a body which nobody reads. */
  unreadMs?: number;
};

export function createListener({ doors, waitsFor, known, log, unreadMs = unreadBodyMs }: ListenerParts): Listener {
  const server = createServer(connectionBounds, (request, response) => {
    const path = pathOf(request.url ?? "/");
    const from = "client" as const;
    const exchange = { requestId: randomUUID(), startedMs: performance.now(), request, response, path, from };
    departure.serve(response);
    closeUnread(request, response, unreadMs);
    const door = doorAt(path);
    try {
      if (door === undefined) own(exchange);
      else if (departure.isTooLate()) door.refuse(exchange, "proxy.draining");
      else door.serve(exchange);
    } catch (error) {
      log.error({ err: error, requestId: exchange.requestId }, "a request met a bug");
      if (door === undefined) answerRefusal(response, exchange.requestId, "internal.bug");
      else door.refuse(exchange, "internal.bug");
    }
  });
  server.maxConnections = connectionsMax;
  answerUnserved(server);
  const departure = createDeparture(server);

  function doorAt(path: string): Door | undefined {
    const below = path.indexOf("/", 1);
    // An empty first part is no root.
    return below === 1 ? undefined : doors.get(below < 0 ? path : path.slice(0, below));
  }

  function own({ response, requestId, path }: Exchange): void {
    if (path === "/healthz") return answerJson(response, requestId, 200, '{"status":"ok"}');
    if (path === "/readyz")
      return answerReadiness(response, requestId, departure.isLeaving() ? ["draining"] : waitsFor(), known());
    answerRefusal(response, requestId, "request.path-unknown");
  }

  return { server, leave: departure.leave, drain: departure.drain };
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
