// The admin port of a proxy: health, readiness, metrics and what the replica holds. It is for operators and probes and never
// shares the public port. It shows names, positions and digests; no key hash and no secret is in any answer.

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { digest } from "@tollgate/kernel/replica";
import { kindNames } from "@tollgate/kernel/tariff";
import type { View } from "@tollgate/kernel/view";
import { answerJson, answerRefusal } from "../http/answer.ts";
import { answerReadiness } from "../http/listener.ts";
import { originProblem, type OriginRules } from "../http/origin.ts";
import type { Log } from "../log-output.ts";
import type { Known } from "../readiness.ts";
import type { Metrics } from "./metrics.ts";

export type AdminParts = {
  origins: OriginRules;
  waitsFor: () => readonly string[];
  known: () => Known;
  view: () => View | undefined;
  /** What the debug page says besides the replica itself. */
  status: () => Record<string, unknown>;
  metrics: Metrics;
  log: Log;
};

export function createAdminServer({ origins, waitsFor, known, view, status, metrics, log }: AdminParts): Server {
  const problemOfOrigin = originProblem(origins);
  return createServer((request, response) => {
    const requestId = randomUUID();
    try {
      answer(request, response, requestId);
    } catch (error) {
      // This process is the proxy's primary: what ends it ends every call.
      log.error({ err: error, requestId }, "an admin request met a bug");
      answerRefusal(response, requestId, "internal.bug");
    }
  });

  function answer(request: IncomingMessage, response: ServerResponse, requestId: string): void {
    const problem = problemOfOrigin(request.headers);
    if (problem !== undefined) return answerRefusal(response, requestId, problem);
    if (request.method !== "GET" && request.method !== "HEAD")
      return answerRefusal(response, requestId, "request.method-not-allowed");
    switch (request.url?.split("?")[0]) {
      case "/healthz":
        return answerJson(response, requestId, 200, '{"status":"ok"}');
      case "/readyz":
        return answerReadiness(response, requestId, waitsFor(), known());
      case "/debug/replica":
        return answerJson(response, requestId, 200, JSON.stringify({ ...status(), ...described(view()) }));
      case "/metrics":
        return void metrics.text().then(
          (text) => response.writeHead(200, { "content-type": metrics.contentType }).end(text),
          (error: unknown) => {
            log.error({ err: error }, "the metrics could not be gathered");
            answerRefusal(response, requestId, "internal.bug");
          },
        );
      default:
        return answerRefusal(response, requestId, "request.path-unknown");
    }
  }
}

function described(view: View | undefined): Record<string, unknown> {
  if (view === undefined) return { position: null };
  const { replica } = view;
  return {
    position: replica.position.toString(),
    kinds: Object.fromEntries(
      [...replica.kinds].map(([kind, { entries }]) => [
        kind,
        { resources: entries.size, digest: Buffer.from(digest(replica, kind)).toString("hex") },
      ]),
    ),
    servers: [...view.serversByName.keys()],
    providers: [...view.providersByName.values()].map(({ name, kind }) => ({ name, kind: kindNames[kind] })),
  };
}
