// OpenAI's errors as its API writes them: one envelope with a type and, for some, a code; indented, as are its other plain
// answers. In a stream they stand as data without a name, but in that of Responses, where an error is an event of its own.
import type { ApiError } from "../api.ts";
import type { Operation } from "../reply.ts";

interface Known {
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
}

const serverError: Known = {
  type: "server_error",
  code: null,
  message: "The server had an error while processing your request. Sorry about that!",
};

const known: Readonly<Record<number, Known>> = {
  400: { type: "invalid_request_error", code: null, message: "We could not parse the JSON body of your request." },
  401: { type: "invalid_request_error", code: "invalid_api_key", message: "Incorrect API key provided." },
  403: { type: "invalid_request_error", code: "permission_denied", message: "You are not allowed to do this." },
  404: { type: "invalid_request_error", code: null, message: "Invalid URL" },
  408: { type: "invalid_request_error", code: null, message: "Request timed out." },
  409: { type: "invalid_request_error", code: null, message: "Another request is under way." },
  429: { type: "requests", code: "rate_limit_exceeded", message: "Rate limit reached for requests" },
  500: serverError,
  503: { type: "server_error", code: null, message: "The engine is currently overloaded, please try again later" },
};

function errorOf({ status, type, message, code }: ApiError) {
  const usual = known[status] ?? serverError;
  return {
    message: message ?? usual.message,
    type: type ?? usual.type,
    param: null,
    code: code ?? usual.code,
  };
}

export function errorBody(error: ApiError): string {
  return `${JSON.stringify({ error: errorOf(error) }, undefined, 4)}\n`;
}

export function errorEvent(error: ApiError, _requestId: string, operation: Operation, number: number): string {
  const said = errorOf(error);
  if (operation !== "responses") return `data: ${JSON.stringify({ error: said })}\n\n`;
  const { message, code, type } = said;
  const event = { type: "error", sequence_number: number, code: code ?? type, message, param: null };
  return `event: error\ndata: ${JSON.stringify(event)}\n\n`;
}
