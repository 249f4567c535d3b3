// Holds what a call can cost, and its permits, before it goes out, or refuses it with a word of when it may come again. Two refusals
// of a budget are not the same: where dollars are held by calls under way it is worth coming back soon, where they are spent it
// is not before the period ends.

import { goesOnWithoutLedger } from "../lending/charged.ts";
import type { Desk, Shortage } from "../lending/desk.ts";
import { shortageOf, standingOf, type Charge } from "../lending/standing.ts";
import { shortageCodes } from "../pipeline/allowance.ts";
import type { BoundedModelCall, Interceptor, Refusal } from "../pipeline/call.ts";
import type { Accounts } from "../pipeline/record.ts";
import { runningOf } from "./bound.ts";
import { chargesOf, isRunning, tokensGuessed } from "./charges.ts";
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
      const costs = costsOf(bounded);
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
            return next({
              ...bounded,
              reservation: new ModelReservation(desk, left, outcome.hold, plan, costs.boundNanoUsd),
            });
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

      function refuseShort(of: Bounded, lacking: Shortage, charge: Charge | undefined): void {
        const shortage = charge && shortageOf(charge, lacking, Date.now());
        if (desk === undefined || shortage === undefined) return refuse(of, { code: "budget.ledger-silent" });
        const short = { shortage, standing: standingOf(desk, charges, Date.now()) };
        refuse(of, { code: shortageCodes[shortage.kind], short });
      }
    };
  };
}

function costsOf(bounded: Bounded): Costs {
  const { boundNanoUsd, call } = bounded;
  if (call.sent.kind !== "call") return { boundNanoUsd, running: undefined, tokens: 0n };
  const { request } = call.sent;
  return { boundNanoUsd, running: runningOf(bounded, request), tokens: tokensGuessed(request) };
}
