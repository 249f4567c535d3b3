// What a client is told of a call that could not be made, or not to its end: it names the server, and a model can read it.

import { errors, type TollgateError } from "@tollgate/kernel/errors";
import { errorMessage, toolErrorMessage } from "../answers.ts";
import type { Leg } from "./errand.ts";

export function failureAnswer({ call, server }: Leg, error: TollgateError): string {
  // Only codes whose class is about the server may be told with their detail; a bug's text may hold anything.
  const detail = errors[error.code].class === "upstream" ? error.detail : undefined;
  const { id, method } = call.envelope;
  if (method === "tools/call") return toolErrorMessage(id, server.name, error.code, detail, call.client.era);
  return errorMessage(id, error.code, `(${server.name})${detail === undefined ? "" : ` ${detail}`}`);
}
