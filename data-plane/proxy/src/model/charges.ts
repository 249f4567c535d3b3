// What a call to a model is charged with: the money of each hard budget that is for it, and the permits of each limit. A call of
// which the cost has no bound is refused where a budget has to hold, with a word of what to do: what cannot be bounded cannot be
// held. Soft budgets are counted by facts, and hold nothing.

import type { ErrorCode } from "@tollgate/kernel/errors";
import { limits as bounds } from "@tollgate/kernel/limits";
import { budgetFeatures } from "@tollgate/kernel/quotas/budget-rules";
import { chargedTo } from "@tollgate/kernel/quotas/charged";
import type { Principal } from "@tollgate/kernel/view";
import {
  BudgetReservation,
  LimitMeasure,
  type Budget,
  type BudgetFeature,
  type Limit,
} from "@tollgate/schema/resources";
import { budgetCharge, limitCharge, policyCharge } from "../lending/charged.ts";
import type { Charge } from "../lending/standing.ts";
import { inCommon } from "../lending/told.ts";
import type { BoundedModelCall, Refusal } from "../pipeline/call.ts";
import { isFree } from "./bound.ts";
import type { ModelErrand } from "./errand.ts";
import type { ModelRequest } from "./wire/request.ts";

export type Charges = { readonly charges: readonly Charge[] } | { readonly refusal: Refusal };

const none: Charges = { charges: [] };

/** What of a call decides it. */
export type Chargeable = Pick<
  BoundedModelCall<ModelErrand>,
  "view" | "provider" | "model" | "price" | "policyLimits"
> & {
  readonly principal: Pick<Principal, "key" | "team" | "user" | "customer" | "labels">;
  readonly call: Pick<ModelErrand, "sent" | "requestId">;
};

export function chargesOf(bounded: Chargeable): Charges {
  const { view, principal, provider, model, call, policyLimits = [] } = bounded;
  const charged = chargedTo(view, principal, { kind: "model", of: provider.name, name: model });
  if (charged.outcome === "refused") return { refusal: { code: charged.code } };
  const { budgets, limits } = charged;
  if (budgets.length + limits.length + policyLimits.length === 0) return none;
  const isPaid = call.sent.kind === "passed" || !isFree(call.sent.request);
  const paid = isPaid ? budgets : [];
  for (const budget of paid) {
    const problem = budget.hard ? boundProblem(bounded, budget) : undefined;
    if (problem !== undefined) return { refusal: problem };
  }
  const features = call.sent.kind === "call" ? call.sent.request.serverFeatures : [];
  if (isPaid && policyLimits.length + features.length === 0) return usualCharges(budgets, limits);
  const counts = ({ measure }: { measure: LimitMeasure }): boolean => measure !== LimitMeasure.TOKENS || isPaid;
  return {
    charges: [
      ...policyLimits.filter(counts).map((limit) => policyCharge(limit, call)),
      ...chargesIn(paid, limits.filter(counts), features),
    ],
  };
}

/** Of calls that have nothing of their own, by the lists that they are made of. */
const usual = new WeakMap<readonly Budget[], WeakMap<readonly Limit[], Charges>>();

function usualCharges(budgets: readonly Budget[], limits: readonly Limit[]): Charges {
  const byLimits = usual.get(budgets) ?? new WeakMap<readonly Limit[], Charges>();
  const known = byLimits.get(limits);
  if (known !== undefined) return known;
  const made = { charges: inCommon(chargesIn(budgets, limits, [])) };
  byLimits.set(limits, made);
  usual.set(budgets, byLimits);
  return made;
}

function chargesIn(
  budgets: readonly Budget[],
  limits: readonly Limit[],
  features: readonly BudgetFeature[],
): readonly Charge[] {
  const hard = budgets.filter((budget) => budget.hard);
  return [...hard.map((budget) => budgetCharge(budget, allowed(features, budget))), ...limits.map(limitCharge)];
}

/** Why nobody can say what it costs at most; undefined where somebody can. */
function boundProblem({ call, price, model }: Chargeable, budget: Budget): Refusal | undefined {
  const { name } = budget;
  if (call.sent.kind === "passed") return refusalOf("budget.unbounded", `The budget \`${name}\` is a hard one.`);
  const { request } = call.sent;
  if (price === undefined)
    return refusalOf("budget.unpriced", `The model is \`${model}\`, and the budget \`${name}\` is a hard one.`);
  const missing = request.serverFeatures.filter((feature) => allowanceFor(budget, feature) === undefined);
  if (missing.length > 0)
    return refusalOf("budget.unbounded", `The budget \`${name}\` has no allowance for ${namesOf(missing)}.`);
  if (request.hasFreeFallback) return refusalOf("budget.unbounded", "The provider may take any model in its place.");
  const { contextTokensMax, outputTokensMax } = price.price;
  if (request.hasInputElsewhere && contextTokensMax === 0n)
    return refusalOf(
      "budget.unbounded",
      "It refers to input that is not in the request, and the price has no context.",
    );
  if (request.outputTokensAsked === undefined && outputTokensMax === 0n)
    return refusalOf(
      "budget.unbounded",
      "It does not say how many tokens may be written, and nor does the price list.",
    );
  return undefined;
}

function refusalOf(code: ErrorCode, detail: string): Refusal {
  return { code, detail };
}

/** As the configuration file calls them. */
function namesOf(features: readonly BudgetFeature[]): string {
  const named = Object.entries(budgetFeatures).filter(([, feature]) => features.includes(feature));
  return named.map(([name]) => `\`${name}\``).join(", ");
}

function allowanceFor({ allow }: Budget, feature: BudgetFeature): bigint | undefined {
  return allow.find((one) => one.feature === feature)?.nanoUsd;
}

function allowed(features: readonly BudgetFeature[], budget: Budget): bigint {
  return features.reduce((sum, feature) => sum + (allowanceFor(budget, feature) ?? 0n), 0n);
}

/** Whether a stream holds what was seen and a margin, and not all that it may become. */
export function isRunning({ reservation }: Budget, request: ModelRequest | undefined): boolean {
  if (request === undefined || !request.isStreamed || request.isBackground) return false;
  return reservation === BudgetReservation.RUNNING;
}

/** What is not known of it before is guessed; it is corrected when it is over. */
export function tokensGuessed({ bodyBytes, outputTokensAsked, choices }: ModelRequest): bigint {
  const output = Math.min(outputTokensAsked ?? outputTokensUsual, outputTokensUsual) * choices;
  return BigInt(Math.min(bounds.modelTokensMax, Math.ceil(bodyBytes / bytesPerToken) + output));
}

const bytesPerToken = 4;
const outputTokensUsual = 1_000;
