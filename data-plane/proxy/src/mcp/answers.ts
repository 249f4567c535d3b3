// The gate's own JSON-RPC answers. The client's id goes back as the bytes it was sent in. Refusals of the request as such
// have an HTTP status of their own; once a request is understood, an error is an ordinary answer (200), because clients of
// these protocol versions take other statuses for a broken connection, and 404 for a lost session.

import { publicText, errors, shapeOf, type ErrorClass, type ErrorCode } from "@tollgate/kernel/errors";
import type { Era } from "./catalogue/catalogue.ts";

const httpStatus: Record<ErrorClass, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 200,
  conflict: 200,
  "too-large": 413,
  exhausted: 200,
  upstream: 200,
  unavailable: 503,
  internal: 500,
};

/** Where the protocol, or what clients do with it, wants another. */
const ownStatus: { readonly [code in ErrorCode]?: number } = {
  "mcp.session-unknown": 404,
  "mcp.group-unknown": 404,
  "mcp.not-acceptable": 406,
  "mcp.params-invalid": 200,
  "mcp.cursor-invalid": 200,
  "mcp.state-invalid": 200,
  "mcp.streams-full": 429,
  "policy.denied": 200,
  "policy.arguments-invalid": 200,
  "policy.failed": 200,
  "policy.scope-refused": 200,
  "policy.not-redactable": 200,
};

export function httpStatusOf(code: ErrorCode, era: Era = "legacy"): number {
  if (code === "mcp.method-unknown" && era === "modern") return 404;
  return ownStatus[code] ?? httpStatus[errors[code].class];
}

/** `id` is the text of the client's id in JSON. */
export function resultMessage(id: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
}

export function errorMessage(id: string, code: ErrorCode, detail?: string, data: object = {}): string {
  const error = { code: shapeOf(code).jsonRpc, message: publicText(code, detail), data: { code, ...data } };
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`;
}

/** A failure that the model shall read, and may answer by doing something else. */
export function toolErrorMessage(
  id: string,
  server: string,
  code: ErrorCode,
  detail: string | undefined,
  era: Era,
): string {
  return toolErrorMessageOf(id, `${server}: ${publicText(code, detail)}`, { "tollgate/code": code }, era);
}

export function toolErrorMessageOf(id: string, text: string, meta: object, era: Era): string {
  const result = { content: [{ type: "text", text }], isError: true, _meta: meta };
  return resultMessage(id, JSON.stringify(era === "modern" ? { resultType: "complete", ...result } : result));
}
