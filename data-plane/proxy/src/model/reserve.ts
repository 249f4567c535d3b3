// Holds what a call can cost, and its permits, before it goes out, or refuses it with a word of when it may come again. Two refusals
// of a budget are not the same: where dollars are held by calls under way it is worth coming back soon, where they are spent it
// is not before the period ends. Near the end of a budget, what a call can read at most is more than it reads: where it would fit if
// it read less, the provider is asked once how much that is, if no limit stands in its way as well.

import { decidedBy, goesOnWithoutLedger } from "../lending/charged.ts";
import type { Desk, Shortage } from "../lending/desk.ts";
import { shortageOf, standingOf, type Charge } from "../lending/standing.ts";
import { shortageCodes } from "../pipeline/allowance.ts";
import type { BoundedModelCall, Interceptor, Refusal, Reservation } from "../pipeline/call.ts";
import type { Accounts } from "../pipeline/record.ts";
import { runningOf, withInput } from "./bound.ts";
import { chargesOf, isRunning, tokensGuessed } from "./charges.ts";
import { isCountable, openCounting, type Counting } from "./count-input.ts";
import type { ModelErrand } from "./errand.ts";
import { ModelReservation, partsOf, type Costs } from "./reservation.ts";

type Bounded = BoundedModelCall<ModelErrand>;

export type Reserving = {
  /** Undefined where nothing is lent: calls that would have to hold something are refused. */
  readonly desk: Desk | undefined;
  readonly accounts: Pick<Accounts, "refuse">;
  /** Whether what calls hold is on disk before they go out. */
  readonly mayHold: () => boolean;
  readonly counting: Counting;
};

export function reserve({ desk, accounts, mayHold, counting }: Reserving): Interceptor<Bounded, Bounded> {
  const countInput = openCounting(counting);
  return (next) => {
    const refuse = ({ call, principal, model }: Bounded, refusal: Refusal, by?: Charge): void => {
      const decided = decidedBy(by);
      accounts.refuse(call, { ...refusal, ...decided.refusal }, { principal, model, ...decided.about });
    };
    return (bounded) => {
      const charged = chargesOf(bounded);
      if ("refusal" in charged) return refuse(bounded, charged.refusal);
      const { charges } = charged;
      if (charges.length === 0) return next(bounded);
      if (desk === undefined || !mayHold()) return refuse(bounded, { code: "budget.ledger-silent" });
      const request = bounded.call.sent.kind === "call" ? bounded.call.sent.request : undefined;
      const running = (charge: Charge): boolean => charge.of.kind === "budget" && isRunning(charge.of.budget, request);
      /** What is held is of this call, of which more may be known than when it came. */
      let known = bounded;
      let isCounted = false;
      hold(charges, running);

      function hold(left: readonly Charge[], mayRun: (charge: Charge) => boolean): void {
        const costs = costsOf(known, left.some(mayRun));
        const parts = partsOf(left, costs, mayRun);
        if (parts.length === 0) return next(known);
        desk?.reserve(parts, (outcome) => {
          if (bounded.call.exchange.response.destroyed && outcome.kind !== "held") return;
          if (outcome.kind === "held")
            return next(
              withReservation(known, new ModelReservation(desk, left, outcome.hold, parts, costs.boundNanoUsd)),
            );
          // What may not be run ahead of is held in full.
          if (outcome.ask.subject.startsWith("exposure/")) return hold(left, () => false);
          const short = left.find(({ subject }) => subject === outcome.ask.subject);
          if (outcome.reason === "silent" && short !== undefined && goesOnWithoutLedger(short))
            return hold(
              left.filter((one) => one !== short),
              mayRun,
            );
          if (isCounted || !couldFit(bounded, short, outcome, mayRun)) return refuseShort(bounded, outcome, short);
          isCounted = true;
          askLimits(desk, bounded, left, (lacking, limit) => {
            if (lacking !== undefined) return refuseShort(bounded, lacking, limit);
            countInput(bounded, (tokens) => {
              if (bounded.call.exchange.response.destroyed) return;
              if (tokens === undefined) return refuseShort(bounded, outcome, short);
              known = withInput(bounded, tokens);
              hold(left, running);
            });
          });
        });
      }

      function refuseShort(of: Bounded, lacking: Shortage, charge: Charge | undefined): void {
        const shortage = charge && shortageOf(charge, lacking, Date.now());
        if (desk === undefined || shortage === undefined) return refuse(of, { code: "budget.ledger-silent" }, charge);
        const short = { shortage, standing: standingOf(desk, charges) };
        refuse(of, { code: shortageCodes[shortage.kind], short }, charge);
      }
    };
  };
}

/** Written out: to copy all of a call costs as much as to hold what it needs. */
function withReservation(bounded: Bounded, reservation: Reservation): Bounded {
  const { call, view, principal, provider, model, policyLimits = [], price, boundNanoUsd } = bounded;
  const all = { call, view, principal, provider, model, policyLimits, price, boundNanoUsd, reservation };
  return all satisfies Record<keyof Bounded, unknown>;
}

/** Whether it would fit if it read nothing. */
function couldFit(
  bounded: Bounded,
  short: Charge | undefined,
  { news }: Shortage,
  mayRun: (charge: Charge) => boolean,
): boolean {
  if (short?.of.kind !== "budget" || news === undefined || !isCountable(bounded)) return false;
  const [least] = partsOf([short], costsOf(withInput(bounded, 0), mayRun(short)), mayRun);
  return least !== undefined && least.amount <= news.limit - news.settled;
}

/** What lacks among the limits, if anything. What they permit goes back: it is held with all the rest. */
function askLimits(
  desk: Desk,
  bounded: Bounded,
  charges: readonly Charge[],
  onDone: (lacking?: Shortage, limit?: Charge) => void,
): void {
  const limits = charges.filter(({ of }) => of.kind === "limit");
  const asks = partsOf(limits, costsOf(bounded, false), () => false);
  if (asks.length === 0) return onDone();
  desk.reserve(asks, (outcome) => {
    if (outcome.kind === "held") desk.settle(outcome.hold, []);
    if (bounded.call.exchange.response.destroyed) return;
    if (outcome.kind === "held") return onDone();
    onDone(
      outcome,
      limits.find(({ subject }) => subject === outcome.ask.subject),
    );
  });
}

function costsOf(bounded: Bounded, isRunningToo: boolean): Costs {
  const { boundNanoUsd, call } = bounded;
  if (call.sent.kind !== "call") return { boundNanoUsd, running: undefined, tokens: 0n };
  const { request } = call.sent;
  return {
    boundNanoUsd,
    running: isRunningToo ? runningOf(bounded, request) : undefined,
    tokens: tokensGuessed(request),
  };
}
