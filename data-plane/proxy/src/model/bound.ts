// The most that a call can cost, known before it goes out. It is what an attempt costs of which nobody heard again, and it is
// written into the intent. Reservations of money take their place here. Without a price nothing is bounded.

import { boundOf, priceFor } from "@tollgate/kernel/pricing";
import type { ModelPrice } from "@tollgate/schema/resources";
import type { BoundedModelCall, Interceptor, ReachedProvider } from "../pipeline/call.ts";
import type { ModelErrand } from "./errand.ts";
import type { ModelRequest } from "./wire/request.ts";

/** What a context holds where nobody says: for input that the provider keeps, and that is not in the body. */
const contextTokensAssumed = 1_000_000;

export function bound<C extends ModelErrand>(): Interceptor<ReachedProvider<C>, BoundedModelCall<C>> {
  return (next) => (reached) => {
    const { call, view, provider, model } = reached;
    if (call.sent.kind === "passed" || isFree(call.sent.request))
      return next({ ...reached, price: undefined, boundNanoUsd: 0n });
    const { request } = call.sent;
    const of = (name: string) => priceFor(view.priceList, provider, name, request.serviceTier ?? "");
    const price = of(model);
    // The provider may use all of them in one call.
    const others = request.otherModels.flatMap((name) => of(name) ?? []);
    const all = price === undefined ? [] : [price, ...others];
    const boundNanoUsd = all.reduce((sum, one) => sum + boundNanoUsdOf(one.price, request), 0n);
    next({ ...reached, price, boundNanoUsd });
  };
}

/** Providers count tokens for nothing. */
export function isFree({ operation }: ModelRequest): boolean {
  return operation === "messages/count_tokens";
}

function boundNanoUsdOf(price: ModelPrice, request: ModelRequest): bigint {
  const { outputTokensAsked, choices } = request;
  return boundOf(price, { bodyBytes: inputTokensMost(price, request), outputTokensAsked, choices });
}

/** No token is less than a byte of the body, where the body is all that the model reads. */
function inputTokensMost({ contextTokensMax }: ModelPrice, { bodyBytes, hasInputElsewhere }: ModelRequest): number {
  if (!hasInputElsewhere) return bodyBytes;
  return contextTokensMax > 0n ? Number(contextTokensMax) : Math.max(bodyBytes, contextTokensAssumed);
}

/** Infinite where neither the request nor the price list says. */
export function outputTokensMost(price: ModelPrice | undefined, { outputTokensAsked, choices }: ModelRequest): number {
  const max = price === undefined || price.outputTokensMax === 0n ? Infinity : Number(price.outputTokensMax);
  return Math.min(outputTokensAsked ?? Infinity, max) * choices;
}
