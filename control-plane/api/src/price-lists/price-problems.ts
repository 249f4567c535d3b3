// What is wrong with a list of prices, by the rules that the configuration file asks, too: names that match nothing, tiers that do
// not rise, a price that is there twice, amounts beyond what can be meant. A model may cost nothing.

import { isName, nameRule } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { nanoPerUsd } from "@tollgate/kernel/money";
import { pricedModelProblem, serviceTierProblem } from "@tollgate/kernel/provider-rules";
import { pricedToolProblem } from "@tollgate/kernel/tool-price";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import type { Price, ToolPrice } from "./price-list.decider.ts";

export function pricesProblem(prices: readonly Price[]): InvalidInput | undefined {
  const max = limits.pricesPerListMax;
  if (prices.length > max) return invalidInput("prices", `has more than ${max} prices`);
  const taken = new Set<string>();
  for (const [index, price] of prices.entries()) {
    const field = `prices[${index}]`;
    const problem = priceProblem(field, price);
    if (problem) return problem;
    const named = nameOfPrice(price);
    if (taken.has(named)) return invalidInput(field, "is there twice");
    taken.add(named);
  }
  return undefined;
}

/** What a list has once: as people name it. No model's name holds a space. */
export function nameOfPrice({
  provider,
  model,
  serviceTier,
}: Pick<Price, "provider" | "model" | "serviceTier">): string {
  return serviceTier === "" ? `${provider}/${model}` : `${provider}/${model} ${serviceTier}`;
}

export function toolPricesProblem(prices: readonly ToolPrice[]): InvalidInput | undefined {
  const max = limits.toolPricesPerListMax;
  if (prices.length > max) return invalidInput("toolPrices", `has more than ${max} prices`);
  const taken = new Set<string>();
  for (const [index, { tool, callNanoUsd }] of prices.entries()) {
    const field = `toolPrices[${index}]`;
    const problem = pricedToolProblem(tool);
    if (problem !== undefined) return invalidInput(`${field}.tool`, problem);
    if (callNanoUsd < 0n || callNanoUsd > amountMaxNanoUsd)
      return invalidInput(`${field}.perCall`, `is not from 0 to ${limits.priceUsdMax} dollars`);
    if (taken.has(tool)) return invalidInput(field, "is there twice");
    taken.add(tool);
  }
  return undefined;
}

function priceProblem(field: string, price: Price): InvalidInput | undefined {
  const { provider, model, serviceTier, tiers } = price;
  if (!isName(provider)) return invalidInput(`${field}.provider`, `is not a name: ${nameRule}`);
  const aboutModel = pricedModelProblem(model);
  if (aboutModel !== undefined) return invalidInput(`${field}.model`, aboutModel);
  const aboutTier = serviceTierProblem(serviceTier);
  if (aboutTier !== undefined) return invalidInput(`${field}.serviceTier`, aboutTier);
  if (tiers.length > limits.tiersPerPriceMax)
    return invalidInput(`${field}.tiers`, `has more than ${limits.tiersPerPriceMax} tiers`);
  let before = 0n;
  for (const [index, { inputTokensAbove }] of tiers.entries()) {
    if (inputTokensAbove <= before)
      return invalidInput(`${field}.tiers[${index}].inputTokensAbove`, "is not above the one before it");
    before = inputTokensAbove;
  }
  return amountsProblem(field, price);
}

const amountMaxNanoUsd = BigInt(limits.priceUsdMax) * nanoPerUsd;

function amountsProblem(field: string, price: Price): InvalidInput | undefined {
  const { rates, tiers, requestNanoUsd, webSearchNanoUsd, contextTokensMax, outputTokensMax } = price;
  const amounts = [rates, ...tiers.map((tier) => tier.rates)].flatMap((of) => Object.values(of));
  if ([...amounts, requestNanoUsd, webSearchNanoUsd].some((amount) => amount < 0n || amount > amountMaxNanoUsd))
    return invalidInput(field, `has an amount that is not from 0 to ${limits.priceUsdMax} dollars`);
  const tokens = [contextTokensMax, outputTokensMax, ...tiers.map((tier) => tier.inputTokensAbove)];
  if (tokens.some((count) => count < 0n || count > limits.modelTokensMax))
    return invalidInput(field, `has a number of tokens that is not from 0 to ${limits.modelTokensMax}`);
  return undefined;
}
