// What a call to a model costs, and the most that it can: pure functions of a price and of what was used. All of it is
// nano-dollars in `bigint`; a price is nano-dollars for a million tokens, and a call is rounded once, up. The most that a
// call can cost is no less than what it costs, as long as it stays within what the bound was made of. Where prices come from
// is no matter here, but for the order in which lists are asked.

import {
  ProviderKind,
  type ModelPrice,
  type PriceList,
  type Provider,
  type TokenRates,
} from "@tollgate/schema/resources";
import { defaultPrices } from "./default-prices.ts";
import { limits } from "./limits.ts";
import type { NanoUsd } from "./money.ts";

/** What the published list is: "refused" where something about it was not understood, and nothing may be priced. */
export type PublishedPrices = PriceList | "refused" | undefined;

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

export type Priced = { readonly price: ModelPrice; readonly version: string };

/** As price lists write a kind, for all providers of it. */
export const kindNames: Readonly<Record<ProviderKind, string>> = {
  [ProviderKind.UNSPECIFIED]: "",
  [ProviderKind.ANTHROPIC]: "anthropic",
  [ProviderKind.OPENAI]: "openai",
};

type Named = Pick<Provider, "name" | "kind">;

/**
 * The published list comes before the shipped one, a provider's name before its kind, and a longer model before a shorter. Where
 * the service tier has no price of its own there, the usual one holds.
 */
export function priceFor(
  list: PublishedPrices,
  provider: Named,
  model: string,
  serviceTier: string,
): Priced | undefined {
  if (list === "refused") return undefined;
  const published = list && priceIn(list.prices, provider, model, serviceTier);
  if (list && published) return { price: published, version: `published-${list.version}` };
  const shipped = priceIn(defaultPrices.prices, provider, model, serviceTier);
  return shipped && { price: shipped, version: defaultPrices.version };
}

/** The price of each service tier that there is one of: what a call may cost whose tier the provider chooses. */
export function pricesOfTiers(list: PublishedPrices, provider: Named, model: string): readonly Priced[] {
  const published = list === "refused" || list === undefined ? [] : list.prices;
  const all = [published, defaultPrices.prices].flatMap((prices) => pricesMatching(prices, provider, model).flat());
  const tiers = new Set(["", ...all.map((price) => price.serviceTier)]);
  return [...tiers].flatMap((tier) => priceFor(list, provider, model, tier) ?? []);
}

type Index = ReadonlyMap<string, readonly ModelPrice[]>;

const indexes = new WeakMap<readonly ModelPrice[], Index>();

/** By the name of a provider or kind, the most specific first. */
function indexOf(prices: readonly ModelPrice[]): Index {
  const known = indexes.get(prices);
  if (known) return known;
  const index = Map.groupBy(prices.toSorted(bySpecificity), ({ provider }) => provider);
  indexes.set(prices, index);
  return index;
}

/** A model that is named comes before a star as long, which would match it, too. */
function bySpecificity(a: ModelPrice, b: ModelPrice): number {
  const length = ({ model }: ModelPrice): number => (model.endsWith("*") ? model.length - 1 : model.length + 0.5);
  return length(b) - length(a);
}

function priceIn(
  prices: readonly ModelPrice[],
  provider: Named,
  model: string,
  serviceTier: string,
): ModelPrice | undefined {
  for (const all of pricesMatching(prices, provider, model))
    for (const sameModel of Map.groupBy(all, (price) => price.model).values()) {
      const own = sameModel.find((price) => price.serviceTier === serviceTier);
      const found = own ?? sameModel.find((price) => price.serviceTier === "");
      if (found) return found;
    }
  return undefined;
}

/** Those of the provider's name, and those of its kind. */
function pricesMatching(prices: readonly ModelPrice[], { name, kind }: Named, model: string): readonly ModelPrice[][] {
  const index = indexOf(prices);
  return [name, kindNames[kind]].map((holder) =>
    (index.get(holder) ?? []).filter((price) => matches(price.model, model)),
  );
}

function matches(pattern: string, model: string): boolean {
  return pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : pattern === model;
}

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
  const possible = [price.rates ?? free, ...tiersUpTo(price, input)];
  const inputRate = dearest(possible.flatMap((r) => [r.input, r.cacheRead, r.cacheWrite5m, r.cacheWrite1h]));
  const outputRate = dearest(possible.map((r) => r.output));
  return (
    inWholeNanos(input * inputRate + output * outputRate) +
    price.requestNanoUsd +
    BigInt(bound.webSearchesMax ?? 0) * price.webSearchNanoUsd
  );
}

function tiersUpTo(price: ModelPrice, inputTokens: bigint): (typeof free)[] {
  return price.tiers.filter((tier) => inputTokens > tier.inputTokensAbove).map((tier) => tier.rates ?? free);
}

/** A maximum of 0 is none. */
function lesser(value: bigint, max: bigint): bigint {
  return max > 0n && max < value ? max : value;
}

function dearest(rates: readonly bigint[]): bigint {
  return rates.reduce((most, rate) => (rate > most ? rate : most), 0n);
}
