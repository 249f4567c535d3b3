// Holds the price of a tool's call, and its permits, before it goes out. A call of a tool costs a flat price or nothing, so that
// what is held is what it costs. Of a call that asks its client in the middle each leg is a request of its own, and the price is
// the first one's.

import { chargedTo } from "@tollgate/kernel/quotas/charged";
import { toolPrice } from "@tollgate/kernel/tool-price";
import { LimitMeasure } from "@tollgate/schema/resources";
import type { Ask } from "@tollgate/kernel/lending/lease-book";
import { budgetCharge, decidedBy, goesOnWithoutLedger, limitCharge, policyCharge } from "../../lending/charged.ts";
import type { Desk } from "../../lending/desk.ts";
import { shortageOf, type Charge } from "../../lending/standing.ts";
import { shortageCodes } from "../../pipeline/allowance.ts";
import { shortageMessage } from "../allowance.ts";
import type { Call, Interceptor, Refusal, TargetKind, ToolReservation } from "../../pipeline/call.ts";
import type { Accounts } from "../../pipeline/record.ts";
import type { Leg } from "./errand.ts";

export type ToolReserving = {
  /** Undefined where nothing is lent: calls that would have to hold something are refused. */
  readonly desk: Desk | undefined;
  readonly accounts: Pick<Accounts, "refuse">;
  readonly mayHold: () => boolean;
};

const grants = {
  tools: "tool",
  prompts: "prompt",
  resources: "resource",
  templates: "resource",
} as const satisfies Record<TargetKind, string>;

/** `isFirst`: of its call. */
export function reserveTool({ desk, accounts, mayHold }: ToolReserving, isFirst: boolean): Interceptor<Leg, Leg> {
  return (next) => (given) => {
    const leg = isFirst ? priced(given) : given;
    const { call, view, principal, server, tool } = leg;
    const { policyLimits = [] } = leg;
    const refuse = (refusal: Refusal, by?: Charge, answering: Call = call): void => {
      const decided = decidedBy(by);
      const about = { principal, server: server.name, tool, ...decided.about };
      accounts.refuse(answering, { ...refusal, ...decided.refusal }, about);
    };
    const charged = chargedTo(view, principal, { kind: grants[call.kind], of: server.name, name: tool });
    if (charged.outcome === "refused") return refuse({ code: charged.code });
    if (charged.budgets.length + charged.limits.length + policyLimits.length === 0) return next(leg);
    const price = leg.price === undefined ? 0n : leg.price.nanoUsd;
    const budgets = price === 0n ? [] : charged.budgets.filter(({ hard }) => hard);
    if (price === undefined && budgets.length > 0) return refuse({ code: "budget.unpriced" });
    const charges = [
      ...policyLimits.map((limit) => policyCharge(limit, call)),
      ...budgets.map((budget) => budgetCharge(budget, 0n)),
      ...charged.limits.filter(({ measure }) => measure !== LimitMeasure.TOKENS).map(limitCharge),
    ];
    if (charges.length === 0) return next(leg);
    if (desk === undefined || !mayHold()) return refuse({ code: "budget.ledger-silent" });
    hold(desk, charges);

    function hold(from: Desk, left: readonly Charge[]): void {
      if (left.length === 0) return next(leg);
      const asks = left.map((charge): Ask => {
        const { subject, kind } = charge;
        return { subject, kind, amount: amountOf(charge, price ?? 0n) };
      });
      from.reserve(asks, (outcome) => {
        if (outcome.kind === "held") return next({ ...leg, reservation: reservationOf(from, outcome.hold, asks) });
        const short = left.find(({ subject }) => subject === outcome.ask.subject);
        if (short === undefined) return refuse({ code: "budget.ledger-silent" });
        if (outcome.reason === "silent" && goesOnWithoutLedger(short))
          return hold(
            from,
            left.filter((one) => one !== short),
          );
        const shortage = shortageOf(short, outcome, Date.now());
        if (shortage === undefined) return refuse({ code: "budget.ledger-silent" }, short);
        const { id, method } = call.envelope;
        // In words that a model can read, where it asked for a tool.
        const answer = shortageMessage(id, method, shortage, Date.now(), call.client.era);
        const answerRefusal = (): void => call.answering.finish(answer);
        refuse({ code: shortageCodes[shortage.kind] }, short, { ...call, answerRefusal });
      });
    }
  };
}

/** Also where nobody is charged for it now: who counts it later has to know. */
function priced(leg: Leg): Leg {
  const { call, view, server, tool } = leg;
  const nanoUsd = call.kind === "tools" ? toolPrice(view, server.name, tool) : 0n;
  return nanoUsd === 0n ? leg : { ...leg, price: { nanoUsd } };
}

function amountOf({ of }: Charge, price: bigint): bigint {
  return of.kind === "budget" ? price : 1n;
}

function reservationOf(desk: Desk, hold: Parameters<Desk["settle"]>[0], asks: readonly Ask[]): ToolReservation {
  let isOver = false;
  return {
    accounts: () => hold.parts.flatMap(({ lease }) => (lease.kind === "money" ? [lease.account] : [])),
    settle() {
      if (isOver) return;
      isOver = true;
      // Where nobody answered it may have been done all the same.
      desk.settle(
        hold,
        asks.map(({ kind, amount }) => (kind === "slots" ? 0n : amount)),
      );
    },
  };
}
