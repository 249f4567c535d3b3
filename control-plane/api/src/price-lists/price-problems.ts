// What is wrong with a list of prices: names that match nothing, tiers that do not rise, a price that is there twice. Amounts are
// not judged: a model may cost nothing, and what costs more than it should is the business of who set it.

import { isName, nameRule } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { modelNameProblem } from "@tollgate/kernel/model-pattern";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import type { Price } from "./price-list.decider.ts";

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

function priceProblem(field: string, { provider, model, serviceTier, tiers }: Price): InvalidInput | undefined {
  if (!isName(provider)) return invalidInput(`${field}.provider`, `is not a name: ${nameRule}`);
  const aboutModel = modelProblem(model);
  if (aboutModel !== undefined) return invalidInput(`${field}.model`, aboutModel);
  const { serviceTierCharsMax: charsMax, tiersPerPriceMax: tiersMax } = limits;
  if (serviceTier.length > charsMax || !/^[\x21-\x7e]*$/.test(serviceTier))
    return invalidInput(`${field}.serviceTier`, `is not at most ${charsMax} characters of ASCII without spaces`);
  if (tiers.length > tiersMax) return invalidInput(`${field}.tiers`, `has more than ${tiersMax} tiers`);
  let before = 0n;
  for (const [index, { inputTokensAbove }] of tiers.entries()) {
    if (inputTokensAbove <= before)
      return invalidInput(`${field}.tiers[${index}].inputTokensAbove`, "is not above the one before it");
    before = inputTokensAbove;
  }
  return undefined;
}

function modelProblem(model: string): string | undefined {
  if (model === "*") return undefined;
  return modelNameProblem(model.endsWith("*") ? model.slice(0, -1) : model);
}
