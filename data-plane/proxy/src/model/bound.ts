// The most that a call can cost, known before it goes out. It is what an attempt costs of which nobody heard again, and it is
// written into the intent. Reservations of money take their place here. Without a price nothing is bounded.

import type { RunningCall } from "@tollgate/kernel/lending/running";
import { limits } from "@tollgate/kernel/limits";
import { boundOf, costOf, outputRateMost } from "@tollgate/kernel/pricing";
import { priceFor, pricesOfTiers, type Priced } from "@tollgate/kernel/tariff";
import type { ModelPrice } from "@tollgate/schema/resources";
import type { BoundedModelCall, InputSaid, Interceptor, ReachedProvider } from "../pipeline/call.ts";
import type { ModelErrand } from "./errand.ts";
import type { AnswerReading } from "./wire/answer.ts";
import { fastTier, type ModelRequest } from "./wire/request.ts";

/** What a context holds where nobody says: for input that the provider keeps, and that is not in the body. */
const contextTokensAssumed = 1_000_000;

export function bound<C extends ModelErrand>(): Interceptor<ReachedProvider<C>, BoundedModelCall<C>> {
  return (next) => (reached) => {
    const { call, view, provider, model } = reached;
    if (call.sent.kind === "passed" || isFree(call.sent.request))
      return next({ ...reached, price: undefined, boundNanoUsd: 0n, reservation: undefined });
    const { request } = call.sent;
    const price = priceFor(view.priceList, provider, model, request.serviceTier ?? "");
    const boundNanoUsd = price === undefined ? 0n : sumOf(reached, request, [model, ...request.otherModels]);
    next({ ...reached, price, boundNanoUsd, reservation: undefined });
  };
}

/** The provider may use all of them in one call. */
function sumOf(reached: ReachedProvider<ModelErrand>, request: ModelRequest, models: readonly string[]): bigint {
  return models.reduce((sum, name) => sum + dearest(pricesPossible(reached, request, name), request), 0n);
}

/** The same call where it is known that no more is read than that. */
export function withInput(
  bounded: BoundedModelCall<ModelErrand>,
  inputTokensCounted: number,
): BoundedModelCall<ModelErrand> {
  const { call, model } = bounded;
  if (call.sent.kind !== "call" || bounded.price === undefined) return bounded;
  const request = { ...call.sent.request, inputTokensCounted };
  const boundNanoUsd = sumOf(bounded, request, [model, ...request.otherModels]);
  return { ...bounded, boundNanoUsd, call: { ...call, sent: { ...call.sent, request } } };
}

/** Whose tier the client leaves open is served in one that the provider chooses; fast is only who asks for it. */
function pricesPossible(
  { view, provider }: ReachedProvider<ModelErrand>,
  { serviceTier = "" }: ModelRequest,
  name: string,
): readonly Priced[] {
  if (serviceTier !== "" && serviceTier !== "auto")
    return [priceFor(view.priceList, provider, name, serviceTier)].flatMap((priced) => priced ?? []);
  const all = pricesOfTiers(view.priceList, provider, name);
  return all.filter(({ price }) => price.serviceTier !== fastTier);
}

function dearest(prices: readonly Priced[], request: ModelRequest): bigint {
  return prices.reduce((most, { price }) => {
    const one = boundNanoUsdOf(price, request);
    return one > most ? one : most;
  }, 0n);
}

/** What a stream costs while it runs: no more in all than its bound, by the dearest of the prices that may apply. */
export function runningOf(
  reached: ReachedProvider<ModelErrand>,
  request: ModelRequest,
): Omit<RunningCall, "marginTokens"> | undefined {
  const prices = pricesPossible(reached, request, reached.model).map(({ price }) => price);
  if (prices.length === 0) return undefined;
  const others = sumOf(reached, request, request.otherModels);
  const input = prices.map((price) => boundNanoUsdOf(price, { ...request, outputTokensAsked: 0 }));
  const rates = prices.map((price) => outputRateMost(price, inputTokensRead(price, request)));
  const tokens = prices.map((price) => outputTokensMost(price, request));
  return {
    inputNanoUsd: others + most(input),
    outputRateNanoUsd: most(rates),
    outputTokensMost: Math.max(...tokens.map((one) => Math.min(one, limits.modelTokensMax))),
  };
}

/** Undefined where what the provider has said of the input is not the last word on what it reads. */
export function inputSaidIn(
  bounded: BoundedModelCall<ModelErrand>,
  { said, usage, hasServerTools, otherModels }: AnswerReading,
): InputSaid | undefined {
  if (!said.input || hasServerTools || otherModels.size > 0 || bounded.call.sent.kind !== "call") return undefined;
  const { request } = bounded.call.sent;
  if (request.hasServerTools || request.hasFreeFallback || request.otherModels.length > 0) return undefined;
  const prices = pricesPossible(bounded, request, bounded.model).map(({ price }) => price);
  const { inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = usage;
  const read = inputTokens + cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens;
  return {
    inputNanoUsd: most(prices.map((price) => costOf(price, { ...usage, outputTokens: 0 }))),
    outputRateNanoUsd: most(prices.map((price) => outputRateMost(price, read))),
  };
}

function most(amounts: readonly bigint[]): bigint {
  return amounts.reduce((a, b) => (a > b ? a : b), 0n);
}

/** Providers count tokens for nothing. */
export function isFree({ operation }: ModelRequest): boolean {
  return operation === "messages/count_tokens";
}

function boundNanoUsdOf(price: ModelPrice, request: ModelRequest): bigint {
  const { outputTokensAsked, choices, serverToolUsesMax } = request;
  const bodyBytes = inputTokensRead(price, request);
  return boundOf(price, { bodyBytes, outputTokensAsked, choices, webSearchesMax: serverToolUsesMax });
}

function inputTokensRead(price: ModelPrice, request: ModelRequest): number {
  return request.hasServerTools ? contextMost(price, request) : inputTokensMost(price, request);
}

/** No token is less than a byte of the body, where the body is all that the model reads. It may have been counted. */
export function inputTokensMost(price: ModelPrice | undefined, request: ModelRequest): number {
  if (request.hasInputElsewhere) return contextMost(price, request);
  return Math.min(request.bodyBytes, request.inputTokensCounted ?? Infinity);
}

/** All that the model can read at once. */
export function contextMost(price: ModelPrice | undefined, { bodyBytes }: ModelRequest): number {
  const contextTokensMax = price?.contextTokensMax ?? 0n;
  return contextTokensMax > 0n ? Number(contextTokensMax) : Math.max(bodyBytes, contextTokensAssumed);
}

/** Infinite where neither the request nor the price list says. */
export function outputTokensMost(price: ModelPrice | undefined, { outputTokensAsked, choices }: ModelRequest): number {
  const max = price === undefined || price.outputTokensMax === 0n ? Infinity : Number(price.outputTokensMax);
  return Math.min(outputTokensAsked ?? Infinity, max) * choices;
}
