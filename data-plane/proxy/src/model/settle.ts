// What a call used and cost once it is over. Where the provider said it to the end it is exact. Where the answer broke off
// before, it is at least what the provider can have billed by then: input as the provider said it, output as it was seen and
// a margin for what was on its way. What was refused cost nothing, and an attempt of which nobody heard costs its bound.

import { boundOf, costOf, nothingUsed, type TokenUsage } from "@tollgate/kernel/pricing";
import { priceFor, type Priced } from "@tollgate/kernel/tariff";
import type { BoundedModelCall } from "../pipeline/call.ts";
import type { Settlement } from "../pipeline/model-record.ts";
import { contextMost, inputTokensMost, isFree, outputTokensMost } from "./bound.ts";
import type { ModelErrand } from "./errand.ts";
import type { AnswerReading } from "./wire/answer.ts";
import type { ModelRequest } from "./wire/request.ts";

/** How the last attempt ended. */
export type Ending =
  /** It was never sent, or the provider refused it. */
  | { readonly kind: "unused" }
  /** It was sent, and there was no head of an answer in time. */
  | { readonly kind: "unheard" }
  /** There was an answer, or the client went before there was one. */
  | { readonly kind: "answer"; readonly reading: AnswerReading | undefined };

/** What a provider may have written when it notices that its client is gone. */
export const marginTokens = 2_048;
/** In the tokens of no language are there more than one for so many bytes, on the average. */
const bytesPerToken = 2;

/** `unheard`: how many attempts before the last were sent and brought no answer. */
export function settle(bounded: BoundedModelCall<ModelErrand>, ending: Ending, unheard: number): Settlement {
  const last = settleLast(bounded, ending);
  if (unheard === 0) return last;
  const costNanoUsd = last.costNanoUsd + BigInt(unheard) * bounded.boundNanoUsd;
  return { ...last, basis: "estimated", costNanoUsd, priceVersion: bounded.price?.version ?? "" };
}

function settleLast(bounded: BoundedModelCall<ModelErrand>, ending: Ending): Settlement {
  const { call, price, boundNanoUsd } = bounded;
  const priceVersion = price?.version ?? "";
  if (call.sent.kind === "passed") return { basis: "unmetered", usage: nothingUsed, costNanoUsd: 0n, priceVersion: "" };
  const { request } = call.sent;
  if (ending.kind === "unused" || isFree(request))
    return { basis: "none", usage: nothingUsed, costNanoUsd: 0n, priceVersion };
  if (ending.kind === "unheard")
    return { basis: "estimated", usage: nothingUsed, costNanoUsd: boundNanoUsd, priceVersion };
  const { reading } = ending;
  if (reading === undefined) return settleBrokenOff(bounded, request, reading);
  const { usage, said, isComplete, error, seenOutputBytes } = reading;
  const isSaid = said.input || said.output;
  const isAllSaid = said.output || (said.input && seenOutputBytes === 0);
  if (isComplete && isAllSaid) return settleExact(bounded, servedModel(bounded.model, request, reading), reading);
  // An error in the place of an answer, under a status that promised one. A search is work that was done.
  if (error !== "" && !isSaid && seenOutputBytes === 0 && usage.webSearches === 0)
    return { basis: "none", usage: nothingUsed, costNanoUsd: 0n, priceVersion };
  return settleBrokenOff(bounded, request, reading);
}

/** The tier that the provider served is what it bills; models that helped the one that was asked for are billed as they are. */
function settleExact(
  { view, provider }: BoundedModelCall<ModelErrand>,
  model: string,
  { usage, otherModels }: AnswerReading,
): Settlement {
  const price = priceFor(view.priceList, provider, model, usage.serviceTier);
  let costNanoUsd = price === undefined ? 0n : costOf(price.price, usage);
  let basis: Settlement["basis"] = "exact";
  for (const [name, used] of otherModels) {
    const other = priceFor(view.priceList, provider, name, used.serviceTier);
    if (other === undefined) basis = "estimated";
    else if (price !== undefined) costNanoUsd += costOf(other.price, used);
  }
  return { basis, usage, costNanoUsd, priceVersion: price?.version ?? "" };
}

/** A provider that may fall back to another model bills the one that it says. */
function servedModel(model: string, request: ModelRequest, reading: AnswerReading): string {
  const mayBeOther = request.hasFreeFallback || request.otherModels.length > 0;
  return mayBeOther && reading.model !== "" ? reading.model : model;
}

function settleBrokenOff(
  bounded: BoundedModelCall<ModelErrand>,
  request: ModelRequest,
  reading: AnswerReading | undefined,
): Settlement {
  const { price, boundNanoUsd } = bounded;
  if (runsToItsEnd(request)) return brokenOffAt(price, request, reading, boundNanoUsd);
  if (reading === undefined) return brokenOffAt(price, request, reading);
  const asked = brokenOffAt(price, request, reading);
  const said = brokenOffAt(priceSaid(bounded, request, reading), request, reading);
  return said.costNanoUsd > asked.costNanoUsd ? said : asked;
}

/** Only a stream ends where nobody reads it. */
function runsToItsEnd({ isStreamed, isBackground }: ModelRequest): boolean {
  return !isStreamed || isBackground;
}

/** What serves it, as far as a stream has said: it need not be what was asked for, and need not be the last word. */
function priceSaid(
  { view, provider, model, price }: BoundedModelCall<ModelErrand>,
  request: ModelRequest,
  reading: AnswerReading,
): Priced | undefined {
  const serviceTier = reading.usage.serviceTier === "" ? (request.serviceTier ?? "") : reading.usage.serviceTier;
  return priceFor(view.priceList, provider, servedModel(model, request, reading), serviceTier) ?? price;
}

function brokenOffAt(
  price: Priced | undefined,
  request: ModelRequest,
  reading: AnswerReading | undefined,
  boundNanoUsd?: bigint,
): Settlement {
  const usage = usageBrokenOff(price, request, reading);
  const costNanoUsd = price === undefined ? 0n : (boundNanoUsd ?? costBrokenOff(price, usage, reading));
  return { basis: "estimated", usage, costNanoUsd, priceVersion: price?.version ?? "" };
}

function usageBrokenOff(
  price: Priced | undefined,
  request: ModelRequest,
  reading: AnswerReading | undefined,
): TokenUsage {
  const most = outputTokensMost(price?.price, request);
  const said = reading?.usage ?? nothingUsed;
  const running = Math.min(seenTokensIn(reading) + marginTokens, most);
  const outputTokens = runsToItsEnd(request) && most !== Infinity ? most : running;
  return { ...said, inputTokens: inputTokensBrokenOff(price, request, reading), outputTokens };
}

/** No fewer than were written of what came. */
export function seenTokensIn(reading: AnswerReading | undefined): number {
  if (reading === undefined) return 0;
  return Math.max(reading.usage.outputTokens, Math.ceil(reading.seenOutputBytes / bytesPerToken));
}

/** What a tool of the provider's has found is read, too, and of that a stream says nothing before its end. */
function inputTokensBrokenOff(
  price: Priced | undefined,
  request: ModelRequest,
  reading: AnswerReading | undefined,
): number {
  const hasReadMore = reading?.hasServerTools === true && !reading.said.output;
  if (reading?.said.input === true) {
    const { inputTokens, cacheReadTokens, cacheWrite5mTokens, cacheWrite1hTokens } = reading.usage;
    if (!hasReadMore) return inputTokens;
    const inCache = cacheReadTokens + cacheWrite5mTokens + cacheWrite1hTokens;
    return Math.max(inputTokens, contextMost(price?.price, request) - inCache);
  }
  if (hasReadMore) return contextMost(price?.price, request);
  if (request.hasInputElsewhere) return inputTokensMost(price?.price, request);
  const contextMax = Number(price?.price.contextTokensMax ?? 0n);
  const guessed = Math.min(Math.ceil(request.bodyBytes / bytesPerToken), inputTokensMost(price?.price, request));
  return contextMax > 0 ? Math.min(guessed, contextMax) : guessed;
}

/** Where the provider did not say which of the input it had cached, all of it may have been of the dearest kind. */
function costBrokenOff({ price }: Priced, usage: TokenUsage, reading: AnswerReading | undefined): bigint {
  if (reading?.said.input === true) return costOf(price, usage);
  return boundOf(price, {
    bodyBytes: usage.inputTokens,
    outputTokensAsked: usage.outputTokens,
    choices: 1,
    webSearchesMax: usage.webSearches,
  });
}
