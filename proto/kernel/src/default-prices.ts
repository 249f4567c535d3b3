// The price list that comes with the software: what Anthropic ("Pricing", Claude Platform Docs) and OpenAI ("Pricing", API
// docs) said in public of their own APIs, as of 2026-11-28. Each rate was compared with two other public lists; a model of
// which they disagree, or that is shut down, is not in it. It knows nothing of batches, audio, images and what regions add.
// Whoever pays other prices publishes a list, which comes before this one.

import { create } from "@bufbuild/protobuf";
import { ModelPriceSchema, TokenRatesSchema, type ModelPrice, type TokenRates } from "@tollgate/schema/resources";
import { parseUsd, type NanoUsd } from "./money.ts";

/** Dollars for a million tokens, as decimal text. */
type Row = {
  input: string;
  /** Where it is not said, what input costs. */
  cacheRead?: string;
  output: string;
  context: number;
  outputMax: number;
};

type Rates = Pick<TokenRates, "input" | "cacheRead" | "cacheWrite5m" | "cacheWrite1h" | "output">;

type Kind = "anthropic" | "openai";

function usd(text: string): NanoUsd {
  const amount = parseUsd(text);
  if (amount === undefined) throw new Error(`${text} is no amount`);
  return amount;
}

const searchNanoUsd = usd("0.01");

/** What is cached is dearer by so many percent of what input costs: for the shorter and for the longer time. */
function ratesOf({ input, cacheRead = input, output }: Row, write5mPercent: bigint, write1hPercent: bigint): Rates {
  return {
    input: usd(input),
    cacheRead: usd(cacheRead),
    cacheWrite5m: percentOf(usd(input), write5mPercent),
    cacheWrite1h: percentOf(usd(input), write1hPercent),
    output: usd(output),
  };
}

function percentOf(amount: NanoUsd, percent: bigint): NanoUsd {
  if ((amount * percent) % 100n !== 0n) throw new Error(`${percent} % of ${amount} is not a whole number`);
  return (amount * percent) / 100n;
}

function scaled(rates: Rates, inputPercent: bigint, outputPercent = inputPercent): Rates {
  return {
    input: percentOf(rates.input, inputPercent),
    cacheRead: percentOf(rates.cacheRead, inputPercent),
    cacheWrite5m: percentOf(rates.cacheWrite5m, inputPercent),
    cacheWrite1h: percentOf(rates.cacheWrite1h, inputPercent),
    output: percentOf(rates.output, outputPercent),
  };
}

type Tier = { above: number; rates: Rates };
type Variant = { serviceTier: string; rates: Rates; tiers?: readonly Tier[] };

/** Under the model's name, and under the names of its dated snapshots. */
function pricesOf(provider: Kind, model: string, row: Row, variants: readonly Variant[]): ModelPrice[] {
  return [model, `${model}-20*`].flatMap((name) =>
    variants.map(({ serviceTier, rates, tiers = [] }) =>
      create(ModelPriceSchema, {
        ...{ provider, model: name, serviceTier, rates: create(TokenRatesSchema, rates) },
        tiers: tiers.map((tier) => ({ inputTokensAbove: BigInt(tier.above), rates: tier.rates })),
        webSearchNanoUsd: searchNanoUsd,
        contextTokensMax: BigInt(row.context),
        outputTokensMax: BigInt(row.outputMax),
      }),
    ),
  );
}

type ClaudeModifiers = {
  /** Another price for calls with more input than so much, in percent of the usual one. */
  long?: { above: number; percent: bigint };
  /** "speed": "fast", which the usage says beside its service tier. */
  fastPercent?: bigint;
};

function claude(model: string, row: Row, { long, fastPercent }: ClaudeModifiers = {}): ModelPrice[] {
  const rates = ratesOf(row, 125n, 200n);
  const tiers = long ? [{ above: long.above, rates: scaled(rates, long.percent) }] : [];
  const fast = fastPercent === undefined ? [] : [{ serviceTier: "fast", rates: scaled(rates, fastPercent) }];
  return pricesOf("anthropic", model, row, [{ serviceTier: "", rates, tiers }, ...fast]);
}

type GptModifiers = {
  /** From GPT-5.6 on, what is written to the cache costs more: for half an hour 1.25 times, for twelve 2.5 times the input. */
  paysWrites?: boolean;
  /** Above 272,000 tokens, input costs twice and output one and a half times as much. */
  isLong?: boolean;
  hasFlex?: boolean;
  priorityPercent?: bigint;
  /** The exceptions: where a tier's price is no such part of the usual one. */
  exact?: Readonly<Record<string, Row>>;
};

function gpt(model: string, row: Row, modifiers: GptModifiers = {}): ModelPrice[] {
  const { paysWrites = false, isLong = false, hasFlex = false, priorityPercent, exact = {} } = modifiers;
  const [write5m, write1h] = paysWrites ? [125n, 250n] : [100n, 100n];
  const usual = ratesOf(row, write5m, write1h);
  const variant = (serviceTier: string, rates: Rates, long = isLong, from = rates): Variant => ({
    ...{ serviceTier, rates },
    tiers: long ? [{ above: 272_000, rates: scaled(from, 200n, 150n) }] : [],
  });
  const variants = [variant("", usual)];
  const flex = exact["flex"] ? ratesOf(exact["flex"], write5m, write1h) : scaled(usual, 50n);
  if (hasFlex) variants.push(variant("flex", flex, isLong, scaled(usual, 50n)));
  // Before GPT-5.6 there is no priority for long calls.
  const fast = exact["priority"] ? ratesOf(exact["priority"], write5m, write1h) : undefined;
  const priority = fast ?? (priorityPercent === undefined ? undefined : scaled(usual, priorityPercent));
  if (priority) variants.push(variant("priority", priority, isLong && paysWrites));
  return pricesOf("openai", model, row, variants);
}

const wide = { context: 1_000_000, outputMax: 128_000 } as const;
const narrow = { context: 200_000, outputMax: 64_000 } as const;

const anthropic = [
  claude("claude-fable-5-2", { input: "8", cacheRead: "0.2", output: "40", ...wide }, { fastPercent: 200n }),
  claude("claude-fable-5-1", { input: "10", cacheRead: "0.25", output: "50", ...wide }),
  claude("claude-fable-5", { input: "10", cacheRead: "1", output: "50", ...wide }),
  claude("claude-opus-5-5", { input: "4", cacheRead: "0.2", output: "20", ...wide }, { fastPercent: 200n }),
  claude("claude-opus-5", { input: "5", cacheRead: "0.5", output: "25", ...wide }, { fastPercent: 200n }),
  claude("claude-opus-4-8", { input: "5", cacheRead: "0.5", output: "25", ...wide }, { fastPercent: 200n }),
  claude("claude-opus-4-7", { input: "5", cacheRead: "0.5", output: "25", ...wide }),
  claude("claude-opus-4-6", { input: "5", cacheRead: "0.5", output: "25", ...wide }),
  claude("claude-opus-4-5", { input: "5", cacheRead: "0.5", output: "25", ...narrow }),
  claude("claude-sonnet-5-5", { input: "2", cacheRead: "0.1", output: "10", ...wide }),
  claude("claude-sonnet-5", { input: "2", cacheRead: "0.2", output: "10", ...wide }),
  claude("claude-sonnet-4-6", { input: "3", cacheRead: "0.3", output: "15", ...wide }),
  // Its window of a million tokens, and the price above 200,000, were withdrawn.
  claude("claude-sonnet-4-5", { input: "3", cacheRead: "0.3", output: "15", ...narrow }),
  claude(
    "claude-haiku-5-5",
    { input: "0.1", cacheRead: "0.01", output: "0.5", ...wide },
    { long: { above: 100_000, percent: 500n } },
  ),
  claude("claude-haiku-4-5", { input: "1", cacheRead: "0.1", output: "5", ...narrow }),
];

const million = { context: 1_050_000, outputMax: 128_000 } as const;
const large = { context: 400_000, outputMax: 128_000 } as const;
const gpt41 = { context: 1_047_576, outputMax: 32_768 } as const;
const gpt4o = { context: 128_000, outputMax: 16_384 } as const;
const gpt6 = { paysWrites: true, isLong: true, hasFlex: true, priorityPercent: 200n } as const;
const usual5 = { hasFlex: true, priorityPercent: 200n } as const;

const openai = [
  gpt("gpt-6.1-sol", { input: "2", cacheRead: "0.1", output: "10", ...million }, gpt6),
  gpt("gpt-6.1-terra", { input: "1", cacheRead: "0.05", output: "5", ...million }, gpt6),
  gpt("gpt-6-astra", { input: "10", cacheRead: "1", output: "50", ...million }, gpt6),
  gpt("gpt-6-sol", { input: "2", cacheRead: "0.2", output: "10", ...million }, gpt6),
  gpt("gpt-6-luna", { input: "0.1", cacheRead: "0.01", output: "0.5", ...million }, gpt6),
  gpt("gpt-5.6", { input: "4", cacheRead: "0.4", output: "20", ...million }, gpt6),
  gpt("gpt-5.6-sol", { input: "4", cacheRead: "0.4", output: "20", ...million }, gpt6),
  gpt("gpt-5.6-terra", { input: "2", cacheRead: "0.2", output: "12", ...million }, gpt6),
  gpt("gpt-5.6-luna", { input: "0.2", cacheRead: "0.02", output: "1.2", ...million }, gpt6),
  gpt(
    "gpt-5.5",
    { input: "5", cacheRead: "0.5", output: "30", ...million },
    { isLong: true, hasFlex: true, priorityPercent: 250n },
  ),
  gpt("gpt-5.5-pro", { input: "30", output: "180", ...million }, { isLong: true }),
  gpt(
    "gpt-5.4",
    { input: "2.5", cacheRead: "0.25", output: "15", ...million },
    { ...usual5, isLong: true, exact: { flex: { input: "1.25", cacheRead: "0.13", output: "7.5", ...million } } },
  ),
  gpt("gpt-5.4-mini", { input: "0.75", cacheRead: "0.075", output: "4.5", ...large }, usual5),
  gpt("gpt-5.4-nano", { input: "0.2", cacheRead: "0.02", output: "1.25", ...large }, { hasFlex: true }),
  gpt("gpt-5.4-pro", { input: "30", output: "180", ...million }, { isLong: true, hasFlex: true }),
  gpt("gpt-5.3-codex", { input: "1.75", cacheRead: "0.175", output: "14", ...large }, { priorityPercent: 200n }),
  gpt("gpt-5.2", { input: "1.75", cacheRead: "0.175", output: "14", ...large }, usual5),
  gpt("gpt-5.2-pro", { input: "21", output: "168", ...large }),
  gpt("gpt-5.1", { input: "1.25", cacheRead: "0.125", output: "10", ...large }, usual5),
  gpt("gpt-5", { input: "1.25", cacheRead: "0.125", output: "10", ...large }, usual5),
  gpt("gpt-5-mini", { input: "0.25", cacheRead: "0.025", output: "2", ...large }, { ...usual5, priorityPercent: 180n }),
  gpt("gpt-5-nano", { input: "0.05", cacheRead: "0.005", output: "0.4", ...large }, { hasFlex: true }),
  gpt("gpt-5-pro", { input: "15", output: "120", context: 400_000, outputMax: 272_000 }),
  gpt("gpt-4.1", { input: "2", cacheRead: "0.5", output: "8", ...gpt41 }, { priorityPercent: 175n }),
  gpt("gpt-4.1-mini", { input: "0.4", cacheRead: "0.1", output: "1.6", ...gpt41 }, { priorityPercent: 175n }),
  gpt("gpt-4o", { input: "2.5", cacheRead: "1.25", output: "10", ...gpt4o }, { priorityPercent: 170n }),
  gpt(
    "gpt-4o-mini",
    { input: "0.15", cacheRead: "0.075", output: "0.6", ...gpt4o },
    { exact: { priority: { input: "0.25", cacheRead: "0.125", output: "1", ...gpt4o } } },
  ),
  gpt(
    "o3",
    { input: "2", cacheRead: "0.5", output: "8", context: 200_000, outputMax: 100_000 },
    { hasFlex: true, priorityPercent: 175n },
  ),
  gpt("o3-pro", { input: "20", output: "80", context: 200_000, outputMax: 100_000 }),
  // An input is at most 8,192 tokens, but a call may have up to 2,048 of them: what bounds a call is its bytes.
  gpt("text-embedding-3-large", { input: "0.13", output: "0", context: 0, outputMax: 0 }),
  gpt("text-embedding-3-small", { input: "0.02", output: "0", context: 0, outputMax: 0 }),
  gpt("text-embedding-ada-002", { input: "0.1", output: "0", context: 0, outputMax: 0 }),
];

export const defaultPrices: { readonly version: string; readonly prices: readonly ModelPrice[] } = {
  version: "shipped-2026-11-28",
  prices: [...anthropic, ...openai].flat(),
};
