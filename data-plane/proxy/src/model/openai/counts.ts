// The counts of OpenAI's usage, as gate and price list know them. What was read from a cache and what was written to one is a
// part of the input there, and reasoning a part of the output; here each token is in one place. Providers that leave reasoning
// out of their output have it in their total, and are read by that.

import type { TokenUsage } from "@tollgate/kernel/pricing";

export type OpenAiCounts = {
  readonly input: number;
  readonly cached: number;
  readonly written: number;
  readonly output: number;
  readonly reasoning: number;
  readonly total: number;
  readonly webSearches: number;
};

export function usageOf(counts: OpenAiCounts, serviceTier: string): TokenUsage {
  const { input, output, total, reasoning, webSearches } = counts;
  const cacheRead = Math.min(counts.cached, input);
  const cacheWrite = Math.min(counts.written, input - cacheRead);
  return {
    inputTokens: input - cacheRead - cacheWrite,
    cacheReadTokens: cacheRead,
    cacheWrite5mTokens: cacheWrite,
    cacheWrite1hTokens: 0,
    outputTokens: Math.max(output, total - input),
    reasoningTokens: reasoning,
    webSearches,
    serviceTier,
  };
}
