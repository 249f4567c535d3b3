// Decisions about prices. A list that could be read in two ways would have calls cost what nobody set.

import { create } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { PricesSetSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { priceListDecider, priceListId, type Price } from "./price-list.decider.ts";

const rates = { input: 3n, cacheRead: 1n, cacheWrite5m: 4n, cacheWrite1h: 6n, output: 15n };
const price: Price = {
  ...{ provider: "anthropic", model: "claude-*", serviceTier: "", rates, tiers: [] },
  ...{ requestNanoUsd: 0n, webSearchNanoUsd: 10n, contextTokensMax: 200_000n, outputTokensMax: 0n },
};
const set = (version: number, ...prices: Price[]) =>
  create(PricesSetSchema, { priceList: { id: priceListId, version, prices: prices.map(messageOf) } });
const messageOf = ({ tiers, ...one }: Price) => ({ ...one, tiers: [...tiers] });
const command = (...prices: Price[]) => ({ kind: "set", prices }) as const;
const lists = given(priceListDecider);

test("each list is set whole and counted, also an empty one; the same again changes nothing", () => {
  const dearer = { ...price, requestNanoUsd: 1n };
  const first = lists().when(command(price));
  expect(first.then([set(1, price)])).toMatchObject({ version: 1 });
  lists(set(1, price))
    .when(command(dearer))
    .then([set(2, dearer)]);
  lists(set(1, price), set(2, dearer)).when(command(dearer)).then([]);
  lists(set(1, price), set(2, dearer))
    .when(command())
    .then([set(3)]);
  lists(set(1, price), set(2))
    .when(command(price))
    .then([set(3, price)]);
});

const tiers = (...above: bigint[]) => above.map((inputTokensAbove) => ({ inputTokensAbove, rates }));

test.each<[string, Partial<Price>, string]>([
  ["a provider that cannot be", { provider: "Anthropic" }, "prices[1].provider"],
  ["no model", { model: "" }, "prices[1].model"],
  ["a star that is not at the end", { model: "a-*-b" }, "prices[1].model"],
  ["more stars than one", { model: "a**" }, "prices[1].model"],
  ["a tier with a space", { serviceTier: "very fast" }, "prices[1].serviceTier"],
  ["tiers that do not rise", { tiers: tiers(2n, 2n) }, "prices[1].tiers[1].inputTokensAbove"],
  ["a tier that is for every call", { tiers: tiers(0n) }, "prices[1].tiers[0].inputTokensAbove"],
  ["more tiers than can be", { tiers: tiers(1n, 2n, 3n, 4n, 5n) }, "prices[1].tiers"],
  ["more dollars than can be meant", { requestNanoUsd: 10n ** 18n }, "prices[1]"],
  ["a rate that is more than can be meant", { rates: { ...rates, output: 10n ** 18n } }, "prices[1]"],
  ["a context larger than any", { contextTokensMax: 10n ** 18n }, "prices[1]"],
  ["a price that is there already", { model: "claude-*" }, "prices[1]"],
])("refused: %s", (_, part, field) => {
  lists()
    .when(command(price, { ...price, model: "other", ...part }))
    .refused({ kind: "invalid-input", field });
});

test("one model may have a price of each service tier, and a star alone is every model", () => {
  const all = [price, { ...price, serviceTier: "batch" }, { ...price, model: "*" }, { ...price, provider: "openai" }];
  lists()
    .when(command(...all))
    .then([set(1, ...all)]);
});

test("tools have prices, by which a proxy that does not know of them prices nothing at all", () => {
  const toolPrices = [{ tool: "github/*", callNanoUsd: 2n }];
  const withTools = create(PricesSetSchema, {
    priceList: { id: priceListId, version: 1, prices: [], toolPrices, requires: ["tool-prices"] },
  });
  const both = { ...command(), toolPrices };
  lists().when(both).then([withTools]);
  lists(withTools).when(both).then([]);
  lists(withTools)
    .when(command())
    .then([set(2)]);
});

test.each<[string, object, string]>([
  ["of what is no pattern", { tool: "github" }, "toolPrices[1].tool"],
  ["of a prompt", { tool: "prompt:a/b" }, "toolPrices[1].tool"],
  ["of more dollars than can be meant", { callNanoUsd: 10n ** 18n }, "toolPrices[1].perCall"],
  ["that is there already", { tool: "github/*" }, "toolPrices[1]"],
])("refused: a tool's price %s", (_, part, field) => {
  const one = { tool: "github/*", callNanoUsd: 2n };
  const toolPrices = [one, { ...one, tool: "other/*", ...part }];
  lists()
    .when({ ...command(), toolPrices })
    .refused({ kind: "invalid-input", field });
});

test("a list has an end", () => {
  const full = Array.from({ length: limits.pricesPerListMax + 1 }, (_, n) => ({ ...price, model: `model-${n}` }));
  lists()
    .when(command(...full))
    .refused({ kind: "invalid-input", field: "prices" });
});
