// A refusal as Anthropic's clients read errors.

import { doorShapeOf, publicText, type ErrorCode } from "@tollgate/kernel/errors";

export const requestIdHeader = "request-id";

export function errorBody(code: ErrorCode, detail: string | undefined, requestId: string): string {
  return errorBodyOf(doorShapeOf(code, "anthropic").type, publicText(code, detail), requestId);
}

export function errorBodyOf(type: string, message: string, requestId: string): string {
  return JSON.stringify({ type: "error", error: { type, message }, request_id: requestId });
}

export function errorEvent(code: ErrorCode, detail: string | undefined, requestId: string): string {
  return `event: error\ndata: ${errorBody(code, detail, requestId)}\n\n`;
}
