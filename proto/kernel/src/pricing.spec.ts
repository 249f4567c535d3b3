// Costs are worked out by hand here, from usage blocks as the providers write them in their own documentation and answers,
// and have to come out to the nano-dollar: a price that is read wrongly bills every call of a model wrongly. What holds for all
// prices and usages is held against exact fractions.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ModelPriceSchema,
  PriceListSchema,
  ProviderKind,
  type ModelPrice,
  type PriceList,
} from "@tollgate/schema/resources";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultPrices } from "./default-prices.ts";
import { boundOf, costOf, type TokenUsage } from "./pricing.ts";
import { priceFor, pricesOfTiers } from "./tariff.ts";

const anthropic = { name: "anthropic", kind: ProviderKind.ANTHROPIC };
const openai = { name: "openai", kind: ProviderKind.OPENAI };

const used = (usage: Partial<TokenUsage>): TokenUsage => ({
  ...{ inputTokens: 0, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 },
  ...{ outputTokens: 0, reasoningTokens: 0, webSearches: 0, serviceTier: "" },
  ...usage,
});

function costAt(provider: typeof anthropic, model: string, usage: Partial<TokenUsage>): bigint | undefined {
  const priced = priceFor(undefined, provider, model, usage.serviceTier ?? "");
  return priced && costOf(priced.price, used(usage));
}

describe("a call to Anthropic costs", () => {
  test("each kind of token by itself, and writes by how long they are kept", () => {
    // {"input_tokens":2048,"cache_read_input_tokens":1800,"cache_creation_input_tokens":248,"output_tokens":503,
    //  "cache_creation":{"ephemeral_5m_input_tokens":148,"ephemeral_1h_input_tokens":100}}
    const usage = {
      ...{ inputTokens: 2_048, cacheReadTokens: 1_800, cacheWrite5mTokens: 148, cacheWrite1hTokens: 100 },
      outputTokens: 503,
    };
    // Micro-dollars: 2048 x 3 + 1800 x 0.3 + 148 x 3.75 + 100 x 6 + 503 x 15 = 6144 + 540 + 555 + 600 + 7545.
    expect(costAt(anthropic, "claude-sonnet-4-6", usage)).toBe(15_384_000n);
  });

  test("its web searches beside", () => {
    // {"input_tokens":105,"output_tokens":6039,"cache_read_input_tokens":7123,"cache_creation_input_tokens":7345,
    //  "server_tool_use":{"web_search_requests":1},"service_tier":"standard"}
    const usage = {
      ...{ inputTokens: 105, outputTokens: 6_039, cacheReadTokens: 7_123, cacheWrite5mTokens: 7_345, webSearches: 1 },
      serviceTier: "standard",
    };
    // 105 x 4 + 7123 x 0.2 + 7345 x 5 + 6039 x 20 = 420 + 1424.6 + 36725 + 120780, and a cent.
    expect(costAt(anthropic, "claude-opus-5-5", usage)).toBe(159_349_600n + 10_000_000n);
  });

  test("the long price for all of it, from the first token above, whichever kind it is of", () => {
    const usage = { inputTokens: 4, cacheReadTokens: 99_000, cacheWrite5mTokens: 996, outputTokens: 200 };
    // 4 x 0.1 + 99000 x 0.01 + 996 x 0.125 + 200 x 0.5 = 0.4 + 990 + 124.5 + 100.
    expect(costAt(anthropic, "claude-haiku-5-5", usage)).toBe(1_214_900n);
    // 4 x 0.5 + 99001 x 0.05 + 996 x 0.625 + 200 x 2.5 = 2 + 4950.05 + 622.5 + 500.
    expect(costAt(anthropic, "claude-haiku-5-5", { ...usage, cacheReadTokens: 99_001 })).toBe(6_074_550n);
  });

  test("more in fast mode", () => {
    // 1000 x 8 + 100 x 40 = 8000 + 4000.
    const usage = { inputTokens: 1_000, outputTokens: 100, serviceTier: "fast" };
    expect(costAt(anthropic, "claude-opus-5-5", usage)).toBe(12_000_000n);
  });
});

describe("a call to OpenAI costs", () => {
  test("less for what was read from the cache, which is a part of the prompt", () => {
    // {"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920},
    //  "completion_tokens_details":{"reasoning_tokens":0}}
    // 86 x 2.5 + 1920 x 1.25 + 300 x 10 = 215 + 2400 + 3000.
    const usage = { inputTokens: 86, cacheReadTokens: 1_920, outputTokens: 300 };
    expect(costAt(openai, "gpt-4o", usage)).toBe(5_615_000n);
  });

  test.each([
    // 75 x 1.25 + 1186 x 10 = 93.75 + 11860; half of it; twice.
    ["default", 11_953_750n],
    ["flex", 5_976_875n],
    ["priority", 23_907_500n],
  ])("reasoning within its output, at the service tier %s", (serviceTier, cost) => {
    // {"input_tokens":75,"input_tokens_details":{"cached_tokens":0},"output_tokens":1186,
    //  "output_tokens_details":{"reasoning_tokens":1024},"total_tokens":1261}
    const usage = { inputTokens: 75, outputTokens: 1_186, reasoningTokens: 1_024, serviceTier };
    expect(costAt(openai, "gpt-5", usage)).toBe(cost);
  });

  test("more for what it writes to the cache, from GPT-5.6 on", () => {
    // {"input_tokens":3210,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":3207},"output_tokens":10}
    // 3 x 4 + 3207 x 5 + 10 x 20 = 12 + 16035 + 200.
    const usage = { inputTokens: 3, cacheWrite5mTokens: 3_207, outputTokens: 10 };
    expect(costAt(openai, "gpt-5.6-sol", usage)).toBe(16_247_000n);
  });

  test("twice the input and one and a half times the output above 272,000 tokens", () => {
    const usage = { inputTokens: 272_000, outputTokens: 1_000 };
    // 272000 x 2.5 + 1000 x 15 = 680000 + 15000; 272001 x 5 + 1000 x 22.5 = 1360005 + 22500.
    expect(costAt(openai, "gpt-5.4", usage)).toBe(695_000_000n);
    expect(costAt(openai, "gpt-5.4", { ...usage, inputTokens: 272_001 })).toBe(1_382_505_000n);
  });

  test("next to nothing for an embedding", () => {
    // {"prompt_tokens":8,"total_tokens":8}: 8 x 0.02 = 0.16.
    expect(costAt(openai, "text-embedding-3-small", { inputTokens: 8 })).toBe(160n);
  });
});

const priceOf = (fields: MessageInitShape<typeof ModelPriceSchema>) => create(ModelPriceSchema, fields);
const flat = (provider: string, model: string, inputUsd: number, serviceTier = ""): ModelPrice =>
  priceOf({ provider, model, serviceTier, rates: { input: BigInt(inputUsd) * 1_000_000_000n } });
const listOf = (...prices: ModelPrice[]) => create(PriceListSchema, { id: "p", version: 7, prices });

describe("a published list", () => {
  const foundIn = (list: ReturnType<typeof listOf>, model: string, tier = "", provider = openai) => {
    const priced = priceFor(list, provider, model, tier);
    return priced && [Number((priced.price.rates?.input ?? 0n) / 1_000_000_000n), priced.version];
  };

  test("holds a long context's price: above 200,000 tokens, as Claude Sonnet 4 had it", () => {
    const usd = (dollars: string) => BigInt(Math.round(Number(dollars) * 1_000)) * 1_000_000n;
    const price = priceOf({
      ...{ provider: "anthropic", model: "claude-sonnet-4-20250514" },
      rates: { input: usd("3"), output: usd("15") },
      tiers: [{ inputTokensAbove: 200_000n, rates: { input: usd("6"), output: usd("22.5") } }],
    });
    const cost = (inputTokens: number) => costOf(price, used({ inputTokens, outputTokens: 1_000 }));
    expect(cost(200_000)).toBe(615_000_000n);
    expect(cost(250_000)).toBe(1_522_500_000n);
  });

  test("comes before the shipped one, a name before a kind, and the longer model before the shorter", () => {
    const list = listOf(flat("openai", "*", 1), flat("openai", "gpt-5*", 2), flat("openai", "gpt-5", 3));
    expect(foundIn(list, "gpt-5")).toEqual([3, "published-7"]);
    expect(foundIn(list, "gpt-5-mini")).toEqual([2, "published-7"]);
    expect(foundIn(list, "anything")).toEqual([1, "published-7"]);
    const ours = listOf(flat("openai", "gpt-5", 3), flat("eu", "gpt*", 4));
    expect(foundIn(ours, "gpt-5", "", { ...openai, name: "eu" })).toEqual([4, "published-7"]);
    expect(foundIn(ours, "o3", "", { ...openai, name: "eu" })).toEqual([2, defaultPrices.version]);
    expect(foundIn(ours, "never-heard-of")).toBeUndefined();
  });

  test("answers a service tier with its own price, else with the usual one, and nothing else with a tier's", () => {
    const list = listOf(flat("openai", "a*", 1), flat("openai", "ab", 2, "flex"), flat("openai", "ab", 3));
    expect(foundIn(list, "ab", "flex")?.[0]).toBe(2);
    expect(foundIn(list, "ab", "default")?.[0]).toBe(3);
    expect(foundIn(listOf(flat("openai", "a*", 1), flat("openai", "ab", 2, "flex")), "ab")?.[0]).toBe(1);
  });

  test("has the prices of all tiers, for a call whose tier the provider chooses", () => {
    const list = listOf(flat("openai", "a*", 1), flat("openai", "ab", 2, "flex"), flat("openai", "ab", 3));
    const tiers = (prices: PriceList | undefined, model: string) =>
      pricesOfTiers(prices, openai, model).map(({ price }) => price.serviceTier);
    expect(tiers(list, "ab")).toEqual(["", "flex"]);
    expect(tiers(list, "ac")).toEqual([""]);
    expect(tiers(undefined, "gpt-5").toSorted()).toEqual(["", "flex", "priority"]);
    expect(pricesOfTiers(list, openai, "never-heard-of")).toEqual([]);
    expect(pricesOfTiers("refused", openai, "gpt-5")).toEqual([]);
  });

  test("is found again alike, however many names and tiers clients make up meanwhile", () => {
    const list = listOf(flat("openai", "a*", 1), flat("openai", "ab", 2, "flex"), flat("openai", "ab", 3));
    for (let n = 0; n < 3_000; n += 1) {
      expect(foundIn(list, `a-${n}`, `tier-${n}`)?.[0]).toBe(1);
      expect(foundIn(list, "ab", `tier-${n}`)?.[0]).toBe(3);
      expect(foundIn(list, "ab", "flex")?.[0]).toBe(2);
    }
    expect(foundIn(listOf(flat("openai", "a*", 4)), "ab")?.[0]).toBe(4);
    expect(foundIn(list, `a${"b".repeat(1_000)}`)?.[0]).toBe(1);
  });

  test("that is not understood prices nothing: the shipped list would charge what was never agreed", () => {
    expect(priceFor("refused", openai, "gpt-5", "")).toBeUndefined();
  });
});

describe("the shipped list", () => {
  test.each([
    [anthropic, "claude-haiku-4-5-20251001", "claude-haiku-4-5"],
    [openai, "gpt-5-2025-08-07", "gpt-5"],
    [openai, "gpt-5-mini-2025-08-07", "gpt-5-mini"],
  ])("prices a dated snapshot as its model: %s %s", (provider, snapshot, model) => {
    const found = priceFor(undefined, provider, snapshot, "")?.price;
    expect(found).toBeDefined();
    expect(found).toEqual({ ...priceFor(undefined, provider, model, "")?.price, model: `${model}-20*` });
  });

  test.each(["gpt-5-chat-latest", "gpt-5x", "claude-sonnet-4-5"])(
    "does not take %s for a model of OpenAI's",
    (model) => {
      expect(priceFor(undefined, openai, model, "")).toBeUndefined();
    },
  );

  test("has each model once a tier, the usual one for all, and no rate that cannot be", () => {
    const names = defaultPrices.prices.map(({ provider, model, serviceTier }) => [provider, model, serviceTier].join());
    expect(new Set(names).size).toBe(names.length);
    for (const { provider, model, rates, tiers } of defaultPrices.prices) {
      expect(names).toContain([provider, model, ""].join());
      for (const one of [rates, ...tiers.map((tier) => tier.rates)]) {
        if (!one) throw new Error(`${model} has no rates`);
        const { input, cacheRead, cacheWrite5m, cacheWrite1h } = one;
        const inOrder = cacheRead > 0n && cacheRead <= input && input <= cacheWrite5m && cacheWrite5m <= cacheWrite1h;
        expect(inOrder, model).toBe(true);
      }
    }
  });
});

const rate = fc.bigInt({ min: 0n, max: 200_000_000_000n });
const rates = fc.record({ input: rate, cacheRead: rate, cacheWrite5m: rate, cacheWrite1h: rate, output: rate });
const most = fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 5_000n }));
const prices = fc
  .record({
    rates,
    tiers: fc.uniqueArray(fc.record({ inputTokensAbove: fc.bigInt({ min: 0n, max: 4_000n }), rates }), {
      maxLength: 3,
      selector: ({ inputTokensAbove }) => inputTokensAbove,
    }),
    requestNanoUsd: fc.bigInt({ min: 0n, max: 1_000_000n }),
    webSearchNanoUsd: fc.bigInt({ min: 0n, max: 10_000_000n }),
    contextTokensMax: most,
    outputTokensMax: most,
  })
  .map(({ tiers, ...price }) =>
    priceOf({ ...price, tiers: tiers.toSorted((a, b) => Number(a.inputTokensAbove - b.inputTokensAbove)) }),
  );
const tokens = fc.nat({ max: 3_000 });

/** In millionths of a nano-dollar, and read off the rule as it is told. */
function exactly(price: ModelPrice, usage: TokenUsage): bigint {
  const kinds = ["input", "cacheRead", "cacheWrite5m", "cacheWrite1h"] as const;
  const counts = { input: usage.inputTokens, cacheRead: usage.cacheReadTokens, output: usage.outputTokens };
  const all = { ...counts, cacheWrite5m: usage.cacheWrite5mTokens, cacheWrite1h: usage.cacheWrite1hTokens };
  const input = kinds.reduce((sum, kind) => sum + all[kind], 0);
  let at = price.rates;
  for (const tier of price.tiers) if (input > Number(tier.inputTokensAbove)) at = tier.rates;
  const ofTokens = [...kinds, "output" as const].reduce(
    (sum, kind) => sum + BigInt(all[kind]) * (at?.[kind] ?? 0n),
    0n,
  );
  return ofTokens + (price.requestNanoUsd + BigInt(usage.webSearches) * price.webSearchNanoUsd) * 1_000_000n;
}

describe("for all prices and usages", () => {
  const usages = fc.record({
    ...{ inputTokens: tokens, cacheReadTokens: tokens, cacheWrite5mTokens: tokens, cacheWrite1hTokens: tokens },
    ...{ outputTokens: tokens, reasoningTokens: fc.constant(0), webSearches: fc.nat({ max: 5 }) },
    serviceTier: fc.constant(""),
  });

  test("a cost is rounded once, up: never below the exact one, and above it by less than a nano-dollar", () => {
    fc.assert(
      fc.property(prices, usages, (price, usage) => {
        const above = costOf(price, usage) * 1_000_000n - exactly(price, usage);
        expect(above >= 0n && above < 1_000_000n).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  const shares = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.tuple(tokens, tokens, tokens, tokens));
  const asked = fc.option(fc.nat({ max: 6_000 }), { nil: undefined });

  test("no call costs more than its bound, however it divides what the bound allows", () => {
    fc.assert(
      fc.property(
        prices,
        fc.record({ bodyBytes: tokens, outputTokensAsked: asked, choices: fc.integer({ min: 1, max: 4 }) }),
        shares,
        fc.nat({ max: 3 }),
        (price, bound, [share, parts], webSearchesMax) => {
          const { contextTokensMax: context, outputTokensMax: outputMax } = price;
          const readable = context > 0n ? Math.min(bound.bodyBytes, Number(context)) : bound.bodyBytes;
          const [a, b, c, d] = divided(Math.round(readable * share), parts);
          const open = outputMax > 0n ? Number(outputMax) : 131_072;
          const writable = outputMax > 0n ? Math.min(bound.outputTokensAsked ?? open, open) : bound.outputTokensAsked;
          const usage = used({
            ...{ inputTokens: a, cacheReadTokens: b, cacheWrite5mTokens: c, cacheWrite1hTokens: d },
            ...{ outputTokens: (writable ?? open) * bound.choices, webSearches: webSearchesMax },
          });
          expect(costOf(price, usage) <= boundOf(price, { ...bound, webSearchesMax })).toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

/** A whole in four parts, as these weigh. */
function divided(whole: number, weights: readonly [number, number, number, number]): [number, number, number, number] {
  const sum = weights.reduce((all, weight) => all + weight, 0) || 1;
  const [b, c, d] = weights.slice(1).map((weight) => Math.floor((whole * weight) / sum));
  return [whole - (b ?? 0) - (c ?? 0) - (d ?? 0), b ?? 0, c ?? 0, d ?? 0];
}

test("a bound is what the dearest that can apply makes of it, and no more", () => {
  const price = priceOf({
    rates: { input: 1_000_000n, cacheWrite1h: 2_000_000n, output: 10_000_000n },
    tiers: [{ inputTokensAbove: 100n, rates: { input: 3_000_000n, output: 5_000_000n } }],
    requestNanoUsd: 7n,
    contextTokensMax: 150n,
    outputTokensMax: 50n,
  });
  const bound = (bodyBytes: number, outputTokensAsked: number | undefined, choices = 1) =>
    boundOf(price, { bodyBytes, outputTokensAsked, choices });
  // 100 x 2 + 10 x 10 + 7: the tier begins above 100.
  expect(bound(100, 10)).toBe(307n);
  // 101 x 3 + 10 x 10 + 7: its input is dearer, its output is not.
  expect(bound(101, 10)).toBe(410n);
  // 150 x 3 + 50 x 10 x 2 + 7: no more than can be read, and written.
  expect(bound(1_000_000, 80, 2)).toBe(1_457n);
  expect(bound(1_000_000, undefined, 2)).toBe(1_457n);
});
