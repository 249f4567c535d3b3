// What never becomes a request, or never comes to its end: what is said to whoever sends it, and when his connection is closed.
// No door is known then, so it leaves in the gate's own envelope. Into an answer that has begun nothing is written.

import { randomUUID } from "node:crypto";
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { publicText, shapeOf, type ErrorCode } from "@tollgate/kernel/errors";
import { requestIdHeader } from "./answer.ts";

/** By what Node calls it. All else is `request.invalid`. */
const problems: ReadonlyMap<unknown, { code: ErrorCode; status?: number; detail?: string }> = new Map([
  ["ERR_HTTP_REQUEST_TIMEOUT", { code: "request.too-slow" }],
  ["HPE_HEADER_OVERFLOW", { code: "request.too-large", status: 431, detail: "Its headers are." }],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", { code: "request.too-large", detail: "Its chunk extensions are." }],
]);

export function answerUnserved(server: Server): void {
  const answering = new WeakMap<Duplex, ServerResponse>();
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => answering.set(socket, response));
  server.on("clientError", (error: Error & { code?: string }, socket: Duplex) => {
    const response = answering.get(socket);
    const hasBegun = response?.headersSent === true && !response.writableFinished;
    if (!socket.writable || hasBegun || error.code === "ECONNRESET") return void socket.destroy();
    socket.end(messageFor(error.code), () => socket.destroy());
  });
}

function messageFor(nodeCode: string | undefined): string {
  const { code, detail, status = shapeOf(code).http } = problems.get(nodeCode) ?? { code: "request.invalid" as const };
  const requestId = randomUUID();
  const body = JSON.stringify({ error: { code, message: publicText(code, detail), requestId } });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "connection: close",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `${requestIdHeader}: ${requestId}`,
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** Whoever has his answer and goes on with a body that nobody reads gets this long to end it. */
export function closeUnread(request: IncomingMessage, response: ServerResponse, afterMs: number): void {
  response.on("finish", () => {
    if (request.complete) return;
    const cut = (): void => void (request.complete || request.socket.destroy());
    setTimeout(cut, afterMs).unref();
  });
}
