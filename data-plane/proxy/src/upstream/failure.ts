// What a failed exchange with a server is called, by the error that the sockets gave, or our client, whose words are passed on:
// they say what is wrong with an answer and quote nothing of it. Messages of foreign errors may quote what was sent, so of those
// only the code is passed on.

import { TollgateError } from "@tollgate/kernel/errors";
import { OutgoingError } from "../outgoing/outgoing.ts";

export function failureOf(cause: unknown): TollgateError {
  if (cause instanceof TollgateError) return cause;
  const code = codeOf(cause);
  if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT")
    return new TollgateError("upstream.timeout", "No connection was made.", { cause });
  if (cause instanceof OutgoingError && (code === "HTTP_MALFORMED" || code === "HTTP_HEAD_TOO_LARGE"))
    return new TollgateError("upstream.protocol", cause.message, { cause });
  return new TollgateError("upstream.unreachable", code === undefined ? undefined : `(${code})`, { cause });
}

function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}
