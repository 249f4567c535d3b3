// What Anthropic's headers say: which carries the credential, and what an answer tells of the credential's limits, which is
// the gate's business and not that of its clients.

import type { IncomingHttpHeaders } from "node:http";
import type { Headroom } from "../../pipeline/model-record.ts";
import { countIn, textIn } from "../header-values.ts";

/** Tokens of a subscription go where a person's key would not. */
const bearerBegins = "sk-ant-oat";
const limitsPrefix = "anthropic-ratelimit-";

export function credentialHeader(secret: string): readonly [name: string, value: string] {
  return secret.startsWith(bearerBegins) ? ["authorization", `Bearer ${secret}`] : ["x-api-key", secret];
}

export function headroomIn(headers: IncomingHttpHeaders): Headroom {
  const count = (what: string): number => countIn(headers, limitsPrefix + what);
  return {
    requestsLimit: count("requests-limit"),
    requestsRemaining: count("requests-remaining"),
    tokensLimit: count("tokens-limit"),
    tokensRemaining: count("tokens-remaining"),
  };
}

export function providerRequestId(headers: IncomingHttpHeaders): string {
  return textIn(headers, "request-id");
}
