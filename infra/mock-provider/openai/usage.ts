// Usage as OpenAI says it, in the three forms of its APIs. What was read from a cache, or written to one, is part of the
// input here, and reasoning is part of the output.
import type { Usage } from "../reply.ts";

const inputOf = (usage: Usage): number =>
  usage.inputTokens + usage.cacheReadTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;

/** Only where something was written: most models say nothing of it. */
function writtenOf({ cacheWrite5mTokens, cacheWrite1hTokens }: Usage) {
  const tokens = cacheWrite5mTokens + cacheWrite1hTokens;
  return tokens === 0 ? {} : { cache_write_tokens: tokens };
}

export function chatUsageOf(usage: Usage) {
  const input = inputOf(usage);
  return {
    prompt_tokens: input,
    completion_tokens: usage.outputTokens,
    total_tokens: input + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens, audio_tokens: 0, ...writtenOf(usage) },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

export function responsesUsageOf(usage: Usage) {
  const input = inputOf(usage);
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cacheReadTokens, ...writtenOf(usage) },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: input + usage.outputTokens,
  };
}

export function embeddingsUsageOf(usage: Usage) {
  const input = inputOf(usage);
  return { prompt_tokens: input, total_tokens: input };
}
