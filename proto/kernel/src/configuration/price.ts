// One entry of `prices`: what a model costs, or each call of a tool, in dollars as they are written, never as floating-point numbers. What is not said of
// what is cached costs what input costs, and the longer time what the shorter does: dearer is on the safe side of a budget,
// as far as that can be known. The order of tiers is theirs, by rising input.

import { isMap } from "yaml";
import { limits } from "../limits.ts";
import type { NanoUsd } from "../money.ts";
import { pricedModelProblem, serviceTierProblem } from "../provider-rules.ts";
import { pricedToolProblem } from "../tool-price.ts";
import type { Place } from "./issue.ts";
import { modelOf } from "./models.ts";
import {
  checkedTextOf,
  dollarsOf,
  integerOf,
  listOf,
  mappingOf,
  type Entry,
  type Found,
  type Reading,
} from "./reader.ts";

/** Nano-dollars for a million tokens. */
export type ConfiguredRates = {
  input: NanoUsd;
  cacheRead: NanoUsd;
  cacheWrite5m: NanoUsd;
  cacheWrite1h: NanoUsd;
  output: NanoUsd;
};

export type ConfiguredPrice = {
  /** One of the file, or all of a kind. */
  provider: string;
  /** With a star at its end, all that begin so. */
  model: string;
  /** Empty: the usual one. */
  serviceTier: string;
  rates: ConfiguredRates;
  tiers: { inputTokensAbove: bigint; rates: ConfiguredRates }[];
  requestNanoUsd: NanoUsd;
  webSearchNanoUsd: NanoUsd;
  /** 0: not known. */
  contextTokensMax: bigint;
  outputTokensMax: bigint;
  at: Place;
};

const rateFields = {
  inputPerMillion: "required",
  cachedInputPerMillion: "optional",
  cacheWrite5mPerMillion: "optional",
  cacheWrite1hPerMillion: "optional",
  outputPerMillion: "required",
} as const;

const fields = {
  model: "required",
  ...rateFields,
  serviceTier: "optional",
  tiers: "optional",
  perRequest: "optional",
  perWebSearch: "optional",
  contextTokensMax: "optional",
  outputTokensMax: "optional",
} as const;

const kinds = ["anthropic", "openai"] as const;

export function readPrice(
  reading: Reading,
  at: Found,
  { taken, providers }: { taken: Map<string, Place>; providers: ReadonlySet<string> },
): ConfiguredPrice | ConfiguredToolPrice | undefined {
  if (isMap(at.node) && at.node.has("tool")) return readToolPrice(reading, at, taken);
  const read = mappingOf(reading, at, fields);
  if (!read) return undefined;
  const named = { providers: new Set([...kinds, ...providers]), problemOf: pricedModelProblem };
  const model = read.model && modelOf(reading, read.model, named);
  const serviceTier = read.serviceTier ? checkedTextOf(reading, read.serviceTier, serviceTierProblem) : "";
  const rates = ratesOf(reading, read);
  const tiers = read.tiers ? tiersOf(reading, read.tiers) : [];
  const amountOf = (found: Found | undefined) => (found ? dollarsOf(reading, found) : 0n);
  const [requestNanoUsd, webSearchNanoUsd] = [amountOf(read.perRequest), amountOf(read.perWebSearch)];
  const [context, output] = [tokensOf(reading, read.contextTokensMax), tokensOf(reading, read.outputTokensMax)];
  if (!model || !rates || serviceTier === undefined || requestNanoUsd === undefined) return undefined;
  if (webSearchNanoUsd === undefined || context === undefined || output === undefined) return undefined;
  const price = {
    ...{ ...model, serviceTier, rates, tiers, requestNanoUsd, webSearchNanoUsd },
    ...{ contextTokensMax: context, outputTokensMax: output, at: at.at },
  };
  isNew(reading, at, price, taken);
  return price;
}

export type ConfiguredToolPrice = {
  /** A pattern. */
  tool: string;
  callNanoUsd: NanoUsd;
  at: Place;
};

function readToolPrice(reading: Reading, at: Found, taken: Map<string, Place>): ConfiguredToolPrice | undefined {
  const read = mappingOf(reading, at, { tool: "required", perCall: "required" } as const);
  const tool = read?.tool && checkedTextOf(reading, read.tool, pricedToolProblem);
  const callNanoUsd = read?.perCall && dollarsOf(reading, read.perCall);
  if (tool === undefined || callNanoUsd === undefined) return undefined;
  const former = taken.get(tool);
  if (former) reading.issues.add(at, `is the price of line ${former.line} again`);
  else taken.set(tool, at.at);
  return { tool, callNanoUsd, at: at.at };
}

function isNew(reading: Reading, at: Found, price: ConfiguredPrice, taken: Map<string, Place>): void {
  const { provider, model, serviceTier } = price;
  // No name holds a space.
  const name = `${provider}/${model} ${serviceTier}`;
  const former = taken.get(name);
  if (former) reading.issues.add(at, `is the price of line ${former.line} again`);
  else taken.set(name, at.at);
}

function ratesOf(reading: Reading, read: Partial<Record<keyof typeof rateFields, Entry>>): ConfiguredRates | undefined {
  const input = read.inputPerMillion && dollarsOf(reading, read.inputPerMillion);
  const output = read.outputPerMillion && dollarsOf(reading, read.outputPerMillion);
  const or = (found: Found | undefined, otherwise: NanoUsd | undefined) =>
    found ? dollarsOf(reading, found) : otherwise;
  const cacheRead = or(read.cachedInputPerMillion, input);
  const cacheWrite5m = or(read.cacheWrite5mPerMillion, input);
  const cacheWrite1h = or(read.cacheWrite1hPerMillion, cacheWrite5m);
  if (input === undefined || output === undefined || cacheRead === undefined) return undefined;
  if (cacheWrite5m === undefined || cacheWrite1h === undefined) return undefined;
  return { input, cacheRead, cacheWrite5m, cacheWrite1h, output };
}

function tiersOf(reading: Reading, at: Found): ConfiguredPrice["tiers"] {
  let before = 0;
  const tiers = listOf(reading, at, (_, item) => {
    const read = mappingOf(reading, item, { inputTokensAbove: "required", ...rateFields } as const);
    if (!read) return undefined;
    const rates = ratesOf(reading, read);
    const above = read.inputTokensAbove && integerOf(reading, read.inputTokensAbove, tokenBounds);
    if (above === undefined || !read.inputTokensAbove) return undefined;
    if (above <= before) reading.issues.add(read.inputTokensAbove, "is not above that of the tier before");
    before = above;
    return rates && { inputTokensAbove: BigInt(above), rates };
  });
  const max = limits.tiersPerPriceMax;
  if (tiers.length > max) reading.issues.add(at, `has more than ${max} tiers`);
  return tiers;
}

const tokenBounds = { min: 1, max: limits.modelTokensMax } as const;

function tokensOf(reading: Reading, at: Found | undefined): bigint | undefined {
  const tokens = at ? integerOf(reading, at, tokenBounds) : 0;
  return tokens === undefined ? undefined : BigInt(tokens);
}
