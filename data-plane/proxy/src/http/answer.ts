// Short answers that the gate itself gives over HTTP. Every one carries `x-tollgate-request-id`; paths that belong to no
// door get a refusal in the gate's own small envelope.

import type { ServerResponse } from "node:http";
import { publicText, shapeOf, type ErrorCode } from "@tollgate/kernel/errors";

export const requestIdHeader = "x-tollgate-request-id";

export function answerJson(response: ServerResponse, requestId: string, status: number, body: string | Buffer): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    [requestIdHeader]: requestId,
  });
  response.end(body);
}

export function answerRefusal(response: ServerResponse, requestId: string, code: ErrorCode, detail?: string): void {
  const body = JSON.stringify({ error: { code, message: publicText(code, detail), requestId } });
  answerJson(response, requestId, shapeOf(code).http, body);
}
