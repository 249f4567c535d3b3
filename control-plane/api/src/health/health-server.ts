// Health over HTTP: on the public port beside the admin API, where balancers look, and together with the metrics on the
// admin port, which is for operators alone.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Health } from "./health.ts";

/** Answers health paths; false for any other. */
export function answerHealth(health: Health, request: IncomingMessage, response: ServerResponse): boolean {
  const path = request.url?.split("?")[0];
  if (path === "/healthz") {
    answer(response, 200, { status: "ok" });
    return true;
  }
  if (path !== "/readyz") return false;
  void health.waitsFor().then((waitsFor) => {
    answer(response, waitsFor.length === 0 ? 200 : 503, {
      status: waitsFor.length === 0 ? "ready" : "waiting",
      waitsFor,
    });
  });
  return true;
}

export function createHealthServer(health: Health): Server {
  return createServer((request, response) => {
    if (answerHealth(health, request, response)) return;
    if (request.url !== "/metrics") return answer(response, 404, { error: "nothing is served here" });
    health.metrics().then(
      ({ contentType, text }) => response.writeHead(200, { "content-type": contentType }).end(text),
      () => answer(response, 503, { error: "the metrics could not be gathered" }),
    );
  });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
    .end(JSON.stringify(body));
}
