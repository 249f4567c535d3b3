// What leaves as a GraphQL error: each with a code of the registry under `extensions.code`, and nothing else of its inside.
// An error of ours keeps its text; what the GraphQL library finds wrong with a request keeps its message without the values
// it quotes, which may be secrets; everything else is a bug, told as one and written to the log.

import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import { isConnectionFailure } from "../database.ts";

export type FormatError = (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;

/** The library's codes for what the caller did wrong. */
const callersFaults: ReadonlySet<unknown> = new Set([
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "BAD_USER_INPUT",
  "BAD_REQUEST",
  "OPERATION_RESOLUTION_FAILURE",
]);

export function errorFormatter(onBug: (error: unknown) => void): FormatError {
  return (formatted, error) => {
    const cause = causeOf(error);
    const own = cause instanceof TollgateError ? cause : undefined;
    const place = {
      ...(formatted.locations ? { locations: formatted.locations } : {}),
      ...(formatted.path ? { path: formatted.path } : {}),
    };
    if (own) return { message: own.message, ...place, extensions: { code: own.code } };
    if (callersFaults.has(formatted.extensions?.["code"]))
      return { message: withoutValues(formatted.message), ...place, extensions: { code: "request.invalid" } };
    const code = isConnectionFailure(cause) ? "log.unavailable" : isUnstorable(cause) ? "request.invalid" : undefined;
    if (code) return { message: new TollgateError(code).message, ...place, extensions: { code } };
    onBug(cause);
    return { message: new TollgateError("internal.bug").message, ...place, extensions: { code: "internal.bug" } };
  };
}

/** PostgreSQL's class 22, data exceptions: text with a zero byte, a number beyond its type. */
function isUnstorable(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("22");
}

function causeOf(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}

/** The library quotes what it was given: `got invalid value "…" at`, `cannot represent a non string value: …`. */
function withoutValues(message: string): string {
  return message
    .replace(/got invalid value [^]*?( at "[\w.[\]]+")?; /, "got an invalid value$1; ")
    .replace(/(value|String|Int|Boolean|Float|ID): [^]*$/, "$1.")
    .replace(/, found [^]*$/, ".");
}
