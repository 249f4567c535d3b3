// What is refused before Nest and GraphQL see it: paths that nothing serves, methods but POST, requests without something
// that has the form of an admin token (so that nobody's large body is read for nothing), and bodies that cannot be read.
// Whether the token is known is decided later. Refusals carry a code and, on `/graphql`, GraphQL's own shape.

import type { IncomingMessage, ServerResponse } from "node:http";
import { parseKey } from "@tollgate/kernel/key-format";
import { publicText, shapeOf, type ErrorCode } from "@tollgate/kernel/errors";

const graphQlPath = "/graphql";

export function frontDoor(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (pathOf(request) !== graphQlPath) return refuse(request, response, "request.path-unknown");
  if (request.method !== "POST") return refuse(request, response, "request.method-not-allowed");
  if (parseKey(bearerOf(request.headers.authorization))?.kind !== "adm")
    return refuse(request, response, "auth.token-refused");
  next();
}

/** An error handler has four parameters, by which Express knows it. */
export function unreadableBody(error: unknown, request: IncomingMessage, response: ServerResponse, _: unknown): void {
  const status = error instanceof Error && "status" in error ? error.status : undefined;
  const isTheirs = typeof status === "number" && status >= 400 && status < 500;
  refuse(request, response, status === 413 ? "request.too-large" : isTheirs ? "request.invalid" : "internal.bug");
}

/** The credential of an `Authorization: Bearer …`; empty where there is none. */
export function bearerOf(authorization: string | undefined): string {
  return /^bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
}

function refuse(request: IncomingMessage, response: ServerResponse, code: ErrorCode): void {
  const message = publicText(code);
  const isGraphQl = pathOf(request) === graphQlPath;
  const body = isGraphQl ? { errors: [{ message, extensions: { code } }] } : { error: { code, message } };
  // What is left of a body that was not read would be taken for the next request.
  if (!request.complete) response.setHeader("connection", "close");
  if (code === "request.method-not-allowed") response.setHeader("allow", "POST");
  const status = code === "request.method-not-allowed" ? 405 : shapeOf(code).http;
  response
    .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
    .end(JSON.stringify(body));
}

function pathOf({ url }: IncomingMessage): string | undefined {
  return url?.split("?")[0];
}
