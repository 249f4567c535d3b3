// How the budgets and limits of a call stand, by what the ledger said last: for headers of answers, and for a refusal's reason. The
// numbers are as old as the last exchange, and what other proxies did since is not in them; nothing is decided by them.

import type { AccountKind } from "@tollgate/kernel/lending/account";
import { scopeIn } from "@tollgate/kernel/quotas/quota-scope";
import { BudgetPeriod, LimitMeasure, type Budget, type Limit } from "@tollgate/schema/resources";
import type { Allowance, LimitStanding, PolicyDecision, Shortage, Standing } from "../pipeline/allowance.ts";
import type { Desk, News, Shortage as Lacking } from "./desk.ts";

/** What a call is charged to. */
export type Charge = {
  readonly subject: string;
  readonly kind: AccountKind;
  readonly of:
    | { readonly kind: "budget"; readonly budget: Budget; readonly allowanceNanoUsd: bigint }
    | { readonly kind: "limit"; readonly limit: Pick<Limit, "measure" | "amount">; readonly decision?: PolicyDecision };
};

const periods: Readonly<Record<BudgetPeriod, Allowance["period"]>> = {
  [BudgetPeriod.UNSPECIFIED]: "total",
  [BudgetPeriod.DAY]: "day",
  [BudgetPeriod.WEEK]: "week",
  [BudgetPeriod.MONTH]: "month",
  [BudgetPeriod.YEAR]: "year",
  [BudgetPeriod.TOTAL]: "total",
};

const measures: Readonly<Record<LimitMeasure, LimitStanding["measure"]>> = {
  [LimitMeasure.UNSPECIFIED]: "requests",
  [LimitMeasure.REQUESTS]: "requests",
  [LimitMeasure.TOKENS]: "tokens",
  [LimitMeasure.CONCURRENT_CALLS]: "concurrent",
};

export function standingOf(desk: Pick<Desk, "now" | "news">, charges: readonly Charge[]): Standing {
  const now = desk.now();
  const allowances: Allowance[] = [];
  const limits: LimitStanding[] = [];
  for (const { subject, of } of charges) {
    const news = desk.news(subject, now);
    if (of.kind === "budget") allowances.push(allowanceOf(of.budget, news, now.wallMs, "ok"));
    else limits.push(limitStandingOf(of.limit, news, now.wallMs));
  }
  return { allowances, limits };
}

/** Undefined where it is neither spent nor held, but cannot be known. */
export function shortageOf({ of }: Charge, lacking: Lacking, wallMs: number): Shortage | undefined {
  const { reason } = lacking;
  if (reason === "silent" || reason === "none") return undefined;
  if (of.kind === "limit") {
    const standing = { ...limitStandingOf(of.limit, lacking, wallMs), remaining: 0 };
    return { kind: "limit", standing, decision: of.decision };
  }
  return { kind: reason, allowance: allowanceOf(of.budget, lacking, wallMs, reason) };
}

function allowanceOf(budget: Budget, { news, msLeft }: News, wallMs: number, state: Allowance["state"]): Allowance {
  const limitNanoUsd = news?.limit ?? budget.limitNanoUsd;
  const settledNanoUsd = news?.settled ?? 0n;
  return {
    limitNanoUsd,
    settledNanoUsd,
    heldNanoUsd: (news?.counted ?? 0n) - settledNanoUsd,
    resetMs: msLeft === undefined ? undefined : toSecond(wallMs + msLeft),
    period: periods[budget.period],
    scope: scopeIn(budget.scope)?.kind ?? "label",
    state,
  };
}

/** Periods begin with a second; what is left of one is counted from before it was asked, and would be told as the day before. */
function toSecond(timeMs: number): number {
  return Math.round(timeMs / 1_000) * 1_000;
}

function limitStandingOf(
  { measure, amount }: Pick<Limit, "measure" | "amount">,
  { news, roomInMs }: News,
  wallMs: number,
): LimitStanding {
  const left = news === undefined ? amount : news.limit - news.counted;
  return {
    measure: measures[measure],
    limit: Number(amount),
    remaining: left > 0n ? Number(left) : 0,
    resetMs: roomInMs === undefined ? undefined : wallMs + roomInMs,
  };
}
