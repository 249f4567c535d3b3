// Prices between the API and the schema: dollars outside are nano-dollars here and there, and what is not known is 0 in the
// schema and null in the API.

import type { ModelPrice as PriceResource, PriceList as ListResource, TokenRates } from "@tollgate/schema/resources";
import type { ModelPrice, ModelPriceInput, PriceList, PriceTierInput } from "../gen/graphql.ts";
import type { Price, Rates } from "./price-list.decider.ts";

export function priceListToApi({ version, prices, toolPrices }: ListResource): PriceList {
  return {
    version,
    prices: prices.map(priceToApi),
    toolPrices: toolPrices.map(({ tool, callNanoUsd }) => ({ tool, perCall: callNanoUsd })),
  };
}

export function priceToApi(price: PriceResource): ModelPrice {
  const { provider, model, serviceTier, contextTokensMax, outputTokensMax } = price;
  return {
    ...{ provider, model, serviceTier },
    ...ratesToApi(price.rates),
    tiers: price.tiers.map(({ inputTokensAbove, rates }) => ({ inputTokensAbove, ...ratesToApi(rates) })),
    perRequest: price.requestNanoUsd,
    perWebSearch: price.webSearchNanoUsd,
    contextTokensMax: contextTokensMax === 0n ? null : contextTokensMax,
    outputTokensMax: outputTokensMax === 0n ? null : outputTokensMax,
  };
}

/** As deciders have it. */
export function priceOf({ rates, tiers, ...price }: PriceResource): Price {
  const { provider, model, serviceTier, requestNanoUsd, webSearchNanoUsd, contextTokensMax, outputTokensMax } = price;
  return {
    ...{ provider, model, serviceTier, requestNanoUsd, webSearchNanoUsd, contextTokensMax, outputTokensMax },
    rates: ratesOf(rates),
    tiers: tiers.map((tier) => ({ inputTokensAbove: tier.inputTokensAbove, rates: ratesOf(tier.rates) })),
  };
}

function ratesOf(rates: TokenRates | undefined): Rates {
  const { input = 0n, cacheRead = 0n, cacheWrite5m = 0n, cacheWrite1h = 0n, output = 0n } = rates ?? {};
  return { input, cacheRead, cacheWrite5m, cacheWrite1h, output };
}

function ratesToApi(rates: TokenRates | undefined) {
  const { input, cacheRead, cacheWrite5m, cacheWrite1h, output } = ratesOf(rates);
  return {
    inputPerMillion: input,
    cachedInputPerMillion: cacheRead,
    cacheWrite5mPerMillion: cacheWrite5m,
    cacheWrite1hPerMillion: cacheWrite1h,
    outputPerMillion: output,
  };
}

export function priceFromApi(input: ModelPriceInput): Price {
  return {
    provider: input.provider,
    model: input.model,
    serviceTier: input.serviceTier ?? "",
    rates: ratesFromApi(input),
    tiers: (input.tiers ?? []).map((tier) => ({
      inputTokensAbove: tier.inputTokensAbove,
      rates: ratesFromApi(tier),
    })),
    requestNanoUsd: input.perRequest ?? 0n,
    webSearchNanoUsd: input.perWebSearch ?? 0n,
    contextTokensMax: input.contextTokensMax ?? 0n,
    outputTokensMax: input.outputTokensMax ?? 0n,
  };
}

function ratesFromApi(input: Omit<PriceTierInput, "inputTokensAbove">): Rates {
  const { inputPerMillion, outputPerMillion } = input;
  const cacheWrite5m = input.cacheWrite5mPerMillion ?? inputPerMillion;
  return {
    input: inputPerMillion,
    cacheRead: input.cachedInputPerMillion ?? inputPerMillion,
    cacheWrite5m,
    cacheWrite1h: input.cacheWrite1hPerMillion ?? cacheWrite5m,
    output: outputPerMillion,
  };
}
