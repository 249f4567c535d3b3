// A refusal as Anthropic's clients read errors.

import { doorShapeOf, publicText, type ErrorCode } from "@tollgate/kernel/errors";

export const requestIdHeader = "request-id";

export function errorBody(code: ErrorCode, detail: string | undefined, requestId: string): string {
  const error = { type: doorShapeOf(code, "anthropic").type, message: publicText(code, detail) };
  return JSON.stringify({ type: "error", error, request_id: requestId });
}

export function errorEvent(code: ErrorCode, detail: string | undefined, requestId: string): string {
  return `event: error\ndata: ${errorBody(code, detail, requestId)}\n\n`;
}
