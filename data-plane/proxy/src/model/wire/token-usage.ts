// Counts of tokens as they are read off answers, and their sums.

import type { TokenUsage } from "@tollgate/kernel/pricing";

/** Of the service tier of the first. */
export function sumOf(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWrite5mTokens: a.cacheWrite5mTokens + b.cacheWrite5mTokens,
    cacheWrite1hTokens: a.cacheWrite1hTokens + b.cacheWrite1hTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    webSearches: a.webSearches + b.webSearches,
    serviceTier: a.serviceTier,
  };
}

/** More than anybody is served with a call, and so few that sums of them stay exact. */
const countMax = 2 ** 40;

/** A number of tokens or requests; undefined for what is none. */
export function tokenCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= countMax ? value : undefined;
}
