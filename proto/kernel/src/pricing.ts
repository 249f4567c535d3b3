// What a call to a model costs, and the most that it can: pure functions of a price and of what was used. All of it is
// nano-dollars in `bigint`; a price is nano-dollars for a million tokens, and a call is rounded once, up. The most that a
// call can cost is no less than what it costs, as long as it stays within what the bound was made of. Where prices come from
// is no matter here; it is in `tariff.ts`.

import type { ModelPrice, TokenRates } from "@tollgate/schema/resources";
import { limits } from "./limits.ts";
import type { NanoUsd } from "./money.ts";

/**
 * Each token is in one of the first five; those of the reasoning are a part of the output. What is written to a cache is told
 * apart by the shorter and the longer time that it can be kept for: with OpenAI these are half an hour and twelve.
 */
export type TokenUsage = {
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWrite5mTokens: number;
  readonly cacheWrite1hTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly webSearches: number;
  /** As the provider names it. */
  readonly serviceTier: string;
};

export const nothingUsed: TokenUsage = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  webSearches: 0,
  serviceTier: "",
};

const tokensPerRate = 1_000_000n;
const free: Pick<TokenRates, "input" | "cacheRead" | "cacheWrite5m" | "cacheWrite1h" | "output"> = {
  input: 0n,
  cacheRead: 0n,
  cacheWrite5m: 0n,
  cacheWrite1h: 0n,
  output: 0n,
};

export function costOf(price: ModelPrice, usage: TokenUsage): NanoUsd {
  const input = BigInt(usage.inputTokens);
  const cacheRead = BigInt(usage.cacheReadTokens);
  const cacheWrite5m = BigInt(usage.cacheWrite5mTokens);
  const cacheWrite1h = BigInt(usage.cacheWrite1hTokens);
  const rates = ratesAt(price, input + cacheRead + cacheWrite5m + cacheWrite1h);
  const millionths =
    input * rates.input +
    cacheRead * rates.cacheRead +
    cacheWrite5m * rates.cacheWrite5m +
    cacheWrite1h * rates.cacheWrite1h +
    BigInt(usage.outputTokens) * rates.output;
  return inWholeNanos(millionths) + price.requestNanoUsd + BigInt(usage.webSearches) * price.webSearchNanoUsd;
}

/** The last tier that the input is above holds for all of the call. */
function ratesAt(price: ModelPrice, inputTokens: bigint): typeof free {
  const tier = price.tiers.findLast((one) => inputTokens > one.inputTokensAbove);
  return (tier ?? price).rates ?? free;
}

function inWholeNanos(millionths: bigint): NanoUsd {
  return (millionths + tokensPerRate - 1n) / tokensPerRate;
}

export type CallBound = {
  /** Unpacked. No token is less than a byte of it. */
  readonly bodyBytes: number;
  readonly outputTokensAsked: number | undefined;
  /** How many answers at once were asked for. */
  readonly choices: number;
  /** How often the provider may search for it; 0 where it may not. */
  readonly webSearchesMax?: number;
};

/** The most that a call can cost that reads nothing but its body: what it refers to by an address or an id is not in it. */
export function boundOf(price: ModelPrice, bound: CallBound): NanoUsd {
  const input = lesser(BigInt(bound.bodyBytes), price.contextTokensMax);
  const open = price.outputTokensMax > 0n ? price.outputTokensMax : BigInt(limits.outputTokensAssumedMax);
  const asked = bound.outputTokensAsked === undefined ? open : BigInt(bound.outputTokensAsked);
  const output = lesser(asked, price.outputTokensMax) * BigInt(bound.choices);
  const { inputRate, outputRate } = dearestRates(price, input);
  return (
    inWholeNanos(input * inputRate + output * outputRate) +
    price.requestNanoUsd +
    BigInt(bound.webSearchesMax ?? 0) * price.webSearchNanoUsd
  );
}

/** What a million tokens of output cost at most where no more than that is read. */
export function outputRateMost(price: ModelPrice, inputTokens: number): NanoUsd {
  return dearestRates(price, lesser(BigInt(inputTokens), price.contextTokensMax)).outputRate;
}

/** Of so many tokens or of fewer: a tier that is not reached need not be paid. Every call asks, so that nothing is made for it. */
function dearestRates(price: ModelPrice, inputTokens: bigint): { inputRate: bigint; outputRate: bigint } {
  let { input: inputRate, output: outputRate } = free;
  const add = (rates: typeof free): void => {
    inputRate = greater(inputRate, rates.input);
    inputRate = greater(inputRate, rates.cacheRead);
    inputRate = greater(inputRate, rates.cacheWrite5m);
    inputRate = greater(inputRate, rates.cacheWrite1h);
    outputRate = greater(outputRate, rates.output);
  };
  add(price.rates ?? free);
  for (const tier of price.tiers) if (inputTokens > tier.inputTokensAbove) add(tier.rates ?? free);
  return { inputRate, outputRate };
}

/** A maximum of 0 is none. */
function lesser(value: bigint, max: bigint): bigint {
  return max > 0n && max < value ? max : value;
}

function greater(one: bigint, other: bigint): bigint {
  return other > one ? other : one;
}
