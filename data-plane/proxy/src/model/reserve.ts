// Holds what a call can cost, and its permits, before it goes out, or refuses it with a word of when it may come again. Two refusals
// of a budget are not the same: where dollars are held by calls under way it is worth coming back soon, where they are spent it
// is not before the period ends.

import type { Ask } from "@tollgate/kernel/lending/lease-book";
import { formatUsd } from "@tollgate/kernel/money";
import { boundOf } from "@tollgate/kernel/pricing";
import { LimitMeasure } from "@tollgate/schema/resources";
import type { Desk, Shortage } from "../lending/desk.ts";
import type { BoundedModelCall, Interceptor, Refusal } from "../pipeline/call.ts";
import type { Accounts } from "../pipeline/record.ts";
import { inputTokensMost } from "./bound.ts";
import { chargesOf, goesOnWithoutLedger, isRunning, tokensGuessed, type Charge } from "./charges.ts";
import type { ModelErrand } from "./errand.ts";
import { asksOf, ModelReservation, planOf, type Costs } from "./reservation.ts";

type Bounded = BoundedModelCall<ModelErrand>;

export type Reserving = {
  /** Undefined where nothing is lent: calls that would have to hold something are refused. */
  readonly desk: Desk | undefined;
  readonly accounts: Pick<Accounts, "refuse">;
  /** Whether what calls hold is on disk before they go out. */
  readonly mayHold: () => boolean;
};

export function reserve({ desk, accounts, mayHold }: Reserving): Interceptor<Bounded, Bounded> {
  return (next) => {
    const refuse = ({ call, principal, model }: Bounded, refusal: Refusal): void =>
      accounts.refuse(call, refusal, { principal, model });
    return (bounded) => {
      const charged = chargesOf(bounded);
      if ("refusal" in charged) return refuse(bounded, charged.refusal);
      const { charges } = charged;
      if (charges.length === 0) return next(bounded);
      if (desk === undefined || !mayHold()) return refuse(bounded, { code: "budget.ledger-silent" });
      const costs = costsOf(bounded, charges);
      const request = bounded.call.sent.kind === "call" ? bounded.call.sent.request : undefined;
      const running = (charge: Charge): boolean => charge.of.kind === "budget" && isRunning(charge.of.budget, request);
      hold(charges, running);

      function hold(left: readonly Charge[], mayRun: (charge: Charge) => boolean): void {
        const plan = planOf(left, costs, mayRun);
        const asks = asksOf(plan);
        if (asks.length === 0) return next(bounded);
        desk?.reserve(asks, (outcome) => {
          if (bounded.call.exchange.response.destroyed && outcome.kind !== "held") return;
          if (outcome.kind === "held")
            return next({ ...bounded, reservation: new ModelReservation(desk, outcome.hold, plan, costs) });
          // What may not be run ahead of is held in full.
          if (outcome.ask.subject.startsWith("exposure/")) return hold(left, () => false);
          const short = left.find(({ subject }) => subject === outcome.ask.subject);
          if (outcome.reason === "silent" && short !== undefined && goesOnWithoutLedger(short))
            return hold(
              left.filter((one) => one !== short),
              mayRun,
            );
          refuseShort(bounded, outcome, short);
        });
      }

      function refuseShort(of: Bounded, outcome: Shortage, short: Charge | undefined): void {
        const { response } = of.call.exchange;
        const refusal = refusalOf(outcome, short);
        const afterMs = refusal.code === "budget.spent" ? outcome.msLeft : soonMs;
        if (afterMs !== undefined && !response.headersSent)
          response.setHeader("retry-after", String(Math.max(1, Math.ceil(afterMs / 1_000))));
        if (refusal.code === "budget.spent" && !response.headersSent) response.setHeader("x-should-retry", "false");
        refuse(of, refusal);
      }
    };
  };
}

const soonMs = 1_000;

function costsOf({ price, boundNanoUsd, call }: Bounded, charges: readonly Charge[]): Costs {
  if (price === undefined || call.sent.kind !== "call")
    return { boundNanoUsd, beginNanoUsd: boundNanoUsd, stepNanoUsd: 0n, tokens: 0n };
  const { request } = call.sent;
  const margin = charges.reduce((most, { of }) => Math.max(most, of.kind === "budget" ? of.budget.marginTokens : 0), 0);
  const bodyBytes = inputTokensMost(price.price, request);
  const at = (bytes: number, outputTokensAsked: number): bigint =>
    boundOf(price.price, { bodyBytes: bytes, outputTokensAsked, choices: request.choices });
  return {
    boundNanoUsd,
    beginNanoUsd: at(bodyBytes, margin),
    stepNanoUsd: at(0, margin),
    tokens: tokensGuessed(request),
  };
}

function refusalOf({ reason, news, msLeft }: Shortage, short: Charge | undefined): Refusal {
  if (short === undefined || reason === "none") return { code: "budget.ledger-silent" };
  if (reason === "silent") return { code: "budget.ledger-silent" };
  if (short.of.kind === "limit") {
    const { limit } = short.of;
    const detail = `The limit \`${limit.name}\` is ${limit.amount} ${measures[limit.measure]}.`;
    return { code: "limit.reached", detail };
  }
  const { name } = short.of.budget;
  const until = msLeft === undefined ? "" : ` It begins anew in ${inWords(msLeft)}.`;
  const of = news === undefined ? "" : ` of ${formatUsd(news.limit)} dollars`;
  if (reason === "spent") return { code: "budget.spent", detail: `The budget \`${name}\`${of} is spent.${until}` };
  return { code: "budget.held", detail: `The rest of the budget \`${name}\`${of} is held by calls under way.` };
}

const measures = {
  [LimitMeasure.UNSPECIFIED]: "",
  [LimitMeasure.REQUESTS]: "requests",
  [LimitMeasure.TOKENS]: "tokens",
  [LimitMeasure.CONCURRENT_CALLS]: "calls at one time",
} as const;

function inWords(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.ceil(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.ceil(hours / 24)} days`;
}

export type { Ask };
