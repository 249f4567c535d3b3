// A refusal as OpenAI's clients read errors.

import { doorShapeOf, publicText, type ErrorCode } from "@tollgate/kernel/errors";

export const requestIdHeader = "x-request-id";

export function errorBody(code: ErrorCode, detail: string | undefined): string {
  return errorBodyOf(code, publicText(code, detail));
}

export function errorBodyOf(code: ErrorCode, message: string): string {
  const { type, code: name } = doorShapeOf(code, "openai");
  return JSON.stringify({ error: { message, type, param: null, code: name } });
}

export function errorEvent(code: ErrorCode, detail: string | undefined): string {
  return `data: ${errorBody(code, detail)}\n\n`;
}
