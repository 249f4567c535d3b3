// The price list: set as a whole, in its order, and counted with every change. There is one, under an id that never changes, so
// that whoever sets prices first makes it. A list that is the same again changes nothing.

import { create, equals } from "@bufbuild/protobuf";
import { accept, refuse, type Decider } from "@tollgate/kernel/decider";
import { priceListFeatures, requiring } from "@tollgate/kernel/features";
import { PricesSetSchema, type PricesSet } from "@tollgate/schema/events";
import {
  InputTierSchema,
  ModelPriceSchema,
  PriceListSchema,
  TokenRatesSchema,
  ToolPriceSchema,
  type PriceList,
} from "@tollgate/schema/resources";
import type { InvalidInput } from "../refusals.ts";
import { pricesProblem, toolPricesProblem } from "./price-problems.ts";

export const priceListId = "0000000000000000";

/** Nano-dollars for a million tokens. */
export type Rates = { input: bigint; cacheRead: bigint; cacheWrite5m: bigint; cacheWrite1h: bigint; output: bigint };

export type Price = {
  provider: string;
  model: string;
  /** Empty: the usual one. */
  serviceTier: string;
  rates: Rates;
  tiers: readonly { inputTokensAbove: bigint; rates: Rates }[];
  requestNanoUsd: bigint;
  webSearchNanoUsd: bigint;
  /** 0: not known. */
  contextTokensMax: bigint;
  outputTokensMax: bigint;
};

/** Of each call of the tools that the pattern matches. */
export type ToolPrice = { tool: string; callNanoUsd: bigint };

/** Tools have no prices where none are given. */
export type SetPrices = { kind: "set"; prices: readonly Price[]; toolPrices?: readonly ToolPrice[] };

export const priceListDecider: Decider<PriceList | undefined, SetPrices, PricesSet, InvalidInput> = {
  stream: "price-list",
  initial: undefined,
  evolve: (_, event) => event.priceList,
  decide({ prices, toolPrices = [] }, list) {
    const problem = pricesProblem(prices) ?? toolPricesProblem(toolPrices);
    if (problem) return refuse(problem);
    const wanted = create(PriceListSchema, {
      id: priceListId,
      version: (list?.version ?? 0) + 1,
      prices: prices.map(stored),
      toolPrices: toolPrices.map((price) => create(ToolPriceSchema, price)),
      requires: requiring(list?.requires ?? [], priceListFeatures({ toolPrices })),
    });
    if (list && equals(PriceListSchema, { ...wanted, version: list.version }, list)) return accept([]);
    return accept([create(PricesSetSchema, { priceList: wanted })]);
  },
};

export function samePrice(a: Price, b: Price): boolean {
  return equals(ModelPriceSchema, stored(a), stored(b));
}

function stored({ rates, tiers, ...price }: Price) {
  return create(ModelPriceSchema, {
    ...price,
    rates: create(TokenRatesSchema, rates),
    tiers: tiers.map((tier) =>
      create(InputTierSchema, {
        inputTokensAbove: tier.inputTokensAbove,
        rates: create(TokenRatesSchema, tier.rates),
      }),
    ),
  });
}
