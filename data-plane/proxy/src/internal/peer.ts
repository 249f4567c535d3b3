// Who sends a request over the wire between proxies and workers, and what answers it. The wire says from where a request
// comes, and believes nothing in the request about it; whose call it is, and whether it may be forwarded, is for whoever
// answers to find out. A bug in an answer costs that answer alone.

import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { ErrorCode } from "@tollgate/kernel/errors";
import type { GateRequest } from "../http/gate-request.ts";
import type { GateResponse } from "../http/gate-response.ts";
import { answerRefusal } from "../http/answer.ts";
import type { Departure } from "../http/departure.ts";
import type { Log } from "../log-output.ts";

export type Peer =
  /** Another proxy, as its certificate says. */
  | { readonly proxyId: string }
  /** Another worker of this proxy, as whoever may open its sockets says. */
  | { readonly worker: number };

export type OnRequest = (request: GateRequest, response: GateResponse, from: Peer) => void;

export type AnsweringParts = {
  /** A refusal where the peer is none, or is not any more. */
  peerOf: (request: GateRequest) => Peer | ErrorCode;
  onRequest: OnRequest;
  departure: () => Departure;
  log: Log;
};

export function answering({ peerOf, onRequest, departure, log }: AnsweringParts) {
  return (request: GateRequest, response: GateResponse): void => {
    departure().serve(response);
    const from = peerOf(request);
    if (typeof from === "string") return refuse(response, from);
    if (departure().isTooLate()) return refuse(response, "proxy.draining");
    try {
      onRequest(request, response, from);
    } catch (error) {
      log.error({ err: error }, "a forwarded request met a bug");
      refuse(response, "internal.bug");
    }
  };
}

/** Whoever is refused here has nothing more to say on this connection. */
function refuse(response: ServerResponse, code: ErrorCode): void {
  if (!response.headersSent) response.setHeader("connection", "close");
  answerRefusal(response, randomUUID(), code);
}
