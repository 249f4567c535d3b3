// What OpenAI's headers say: which carries the credential, and what an answer tells of the credential's limits, which is the
// gate's business and not that of its clients.

import type { IncomingHttpHeaders } from "node:http";
import type { Headroom } from "../../pipeline/model-record.ts";
import { countIn, textIn } from "../header-values.ts";

const limitsPrefix = "x-ratelimit-";

export function credentialHeader(secret: string): readonly [name: string, value: string] {
  return ["authorization", `Bearer ${secret}`];
}

export function headroomIn(headers: IncomingHttpHeaders): Headroom {
  const count = (what: string): number => countIn(headers, limitsPrefix + what);
  return {
    requestsLimit: count("limit-requests"),
    requestsRemaining: count("remaining-requests"),
    tokensLimit: count("limit-tokens"),
    tokensRemaining: count("remaining-tokens"),
  };
}

export function providerRequestId(headers: IncomingHttpHeaders): string {
  return textIn(headers, "x-request-id");
}
