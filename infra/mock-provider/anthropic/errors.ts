// Anthropic's errors as its API writes them: one envelope, a type for each status, the request's id in the body, too.
import type { ApiError } from "../api.ts";

const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const messages: Readonly<Record<number, string>> = {
  401: "invalid x-api-key",
  403: "Your API key does not have permission to use the specified resource.",
  429: "This request would exceed your organization's rate limit. Please try again later.",
  500: "Internal server error",
  529: "Overloaded",
};

function errorOf({ status, type = types[status] ?? "api_error", message = messages[status] ?? "Error" }: ApiError) {
  return { type, message };
}

export function errorBody(error: ApiError, requestId: string): string {
  return JSON.stringify({ type: "error", error: errorOf(error), request_id: requestId });
}

export function errorEvent(error: ApiError, requestId: string): string {
  return `event: error\ndata: ${errorBody(error, requestId)}\n\n`;
}
