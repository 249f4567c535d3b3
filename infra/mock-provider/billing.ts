// The provider's own account: what it would put on the invoice for each request, in tokens by kind. It knows no prices and
// nothing of what anybody else counted, which is what makes it worth comparing with. Refused requests are not in it.
import type { Kind, Operation, Usage } from "./reply.ts";

export interface Charge {
  /** As the head of the answer names it, or would have. */
  readonly requestId: string;
  readonly kind: Kind;
  readonly operation: Operation;
  readonly credential: string;
  /** As it was asked for. */
  readonly model: string;
  readonly usage: Usage;
  /** The answer did not reach its end. */
  readonly isBrokenOff: boolean;
}

export const noUsage: Usage = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  webSearches: 0,
  serviceTier: "",
};

/** All charges in one; tiers are not added. */
export function sumOf(charges: readonly Charge[]): Usage {
  return charges.reduce((sum, { usage }) => plus(sum, usage), noUsage);
}

function plus(one: Usage, other: Usage): Usage {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheWrite5mTokens: one.cacheWrite5mTokens + other.cacheWrite5mTokens,
    cacheWrite1hTokens: one.cacheWrite1hTokens + other.cacheWrite1hTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    webSearches: one.webSearches + other.webSearches,
    serviceTier: "",
  };
}

/** What is paid for an answer of which so much was generated. */
export function usageOfPart(whole: Usage, outputTokens: number): Usage {
  if (outputTokens >= whole.outputTokens) return whole;
  return { ...whole, outputTokens, reasoningTokens: Math.min(whole.reasoningTokens, outputTokens) };
}
