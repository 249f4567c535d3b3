// What one connection may cost, at each port of a worker: headers, time, and how many there may be, and by which classes of ours
// it is served. They hold before anybody knows who is at the other end.

import { GateRequest } from "./gate-request.ts";
import { GateResponse } from "./gate-response.ts";

export const connectionBounds = {
  /** Its body costs no stream. */
  IncomingMessage: GateRequest,
  /** A head that was read by the gate is not looked at again. */
  ServerResponse: GateResponse,
  maxHeaderSize: 32 * 1024,
  /** A client that sends its headers by drops holds a connection no longer than this. */
  headersTimeout: 10_000,
  /** With its body, which is read of those alone whose key is known: 32 MiB over a line of half a megabit a second. */
  requestTimeout: 600_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  /** A repeated `authorization` becomes one with a comma, which is refused; by default Node hides the second. */
  joinDuplicateHeaders: true,
  noDelay: true,
};

/** For a body that nobody reads, behind its answer. */
export const unreadBodyMs = 10_000;

export const connectionsMax = 20_000;

/**
 * For who dials one of us: a connection that nobody uses is let go well before whoever leaves closes those that he takes for
 * idle (`keptOpenMs` of his departure). A request that met the closing could not be told from one that was taken and lost.
 */
export const unusedConnections = { idleMs: 100, idleMsMax: 100 } as const;
