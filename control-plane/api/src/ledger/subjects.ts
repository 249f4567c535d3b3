// What may be lent, by its subject: `budget/<id>` for its money, `exposure/<id>` for what running calls may cost beyond what they
// hold, `limit/<id>` and `policy/<id>` for permits. A subject and a time make an account: a budget has another one in each period,
// and whenever it is changed so that it counts anew. It is read from the log itself, in the transaction that lends, so that
// nothing is lent above a limit that was lowered before.

import type { AccountKind } from "@tollgate/kernel/lending/account";
import { periodAt, type PeriodKind } from "@tollgate/kernel/lending/period";
import { fold } from "@tollgate/kernel/decider";
import { exposureMaxOf, limitInForce } from "@tollgate/kernel/quotas/budget-rules";
import type { LoggedEvent } from "@tollgate/schema/events";
import { BudgetPeriod, LimitMeasure, LimitWindow, type Budget, type Limit } from "@tollgate/schema/resources";
import type { Sql } from "../database.ts";
import { readStreams } from "../log/read.ts";
import { eventsFor } from "../log/record.ts";
import { policyDecider, type PolicyEvent } from "../policies/policy.decider.ts";
import { budgetDecider, type BudgetEvent } from "../quotas/budget.decider.ts";
import { limitDecider, type LimitEvent } from "../quotas/limit.decider.ts";

export type Subject = {
  readonly account: string;
  readonly kind: AccountKind;
  readonly limit: bigint;
  readonly windowMs: number;
  readonly beginsMs: number | undefined;
  /** Undefined: never. */
  readonly endsMs: number | undefined;
  /** The resource that it is of. */
  readonly budget: Budget | undefined;
};

type Counted = Pick<Limit, "measure" | "amount" | "window">;

const periods: Readonly<Record<BudgetPeriod, PeriodKind | undefined>> = {
  [BudgetPeriod.UNSPECIFIED]: undefined,
  [BudgetPeriod.DAY]: "day",
  [BudgetPeriod.WEEK]: "week",
  [BudgetPeriod.MONTH]: "month",
  [BudgetPeriod.YEAR]: "year",
  [BudgetPeriod.TOTAL]: "total",
};

const windowsMs: Readonly<Record<LimitWindow, number>> = {
  [LimitWindow.UNSPECIFIED]: 0,
  [LimitWindow.MINUTE]: 60_000,
  [LimitWindow.HOUR]: 3_600_000,
  [LimitWindow.DAY]: 86_400_000,
};

const kinds = ["budget", "exposure", "limit", "policy"] as const;
type SubjectKind = (typeof kinds)[number];

function partsOf(subject: string): { kind: SubjectKind; id: string } | undefined {
  const at = subject.indexOf("/");
  const kind = kinds.find((one) => one === subject.slice(0, at));
  return kind && { kind, id: subject.slice(at + 1) };
}

/** Those that there are; of each, the account that is lent from now. */
export async function readSubjects(
  sql: Sql,
  subjects: readonly string[],
  nowMs: number,
): Promise<ReadonlyMap<string, Subject>> {
  const streams = new Map<string, { subject: string; kind: SubjectKind }[]>();
  for (const subject of subjects) {
    const parts = partsOf(subject);
    if (parts === undefined) continue;
    const stream = `${parts.kind === "exposure" ? "budget" : parts.kind}/${parts.id}`;
    streams.set(stream, [...(streams.get(stream) ?? []), { subject, kind: parts.kind }]);
  }
  const found = new Map<string, Subject>();
  for (const [stream, logged] of await readStreams(sql, [...streams.keys()]))
    for (const { subject, kind } of streams.get(stream) ?? []) {
      const is = subjectOf(kind, logged, nowMs);
      if (is !== undefined) found.set(subject, is);
    }
  return found;
}

function subjectOf(kind: SubjectKind, logged: readonly LoggedEvent[], nowMs: number): Subject | undefined {
  switch (kind) {
    case "budget":
    case "exposure":
      return budgetSubject(fold(budgetDecider, eventsFor<BudgetEvent>("budget", logged)), kind, nowMs);
    case "limit": {
      const limit = fold(limitDecider, eventsFor<LimitEvent>("limit", logged));
      return limit && limitSubject(kind, limit.id, limit);
    }
    case "policy": {
      const policy = fold(policyDecider, eventsFor<PolicyEvent>("policy", logged));
      // Also of one that is disabled: who has not heard of it yet counts on.
      return policy?.kind.case === "limit" ? limitSubject(kind, policy.id, policy.kind.value) : undefined;
    }
  }
}

function limitSubject(of: "limit" | "policy", id: string, { measure, amount, window }: Counted): Subject {
  const windowMs = windowsMs[window];
  const kind = measure === LimitMeasure.CONCURRENT_CALLS ? "slots" : "window";
  // Another measure or window counts in another unit.
  const account = `${of}/${id}/${measure}-${window}`;
  return { account, kind, limit: amount, windowMs, beginsMs: undefined, endsMs: undefined, budget: undefined };
}

export function budgetSubject(
  budget: Budget | undefined,
  kind: "budget" | "exposure",
  nowMs: number,
): Subject | undefined {
  const period = budget && periods[budget.period];
  if (budget === undefined || period === undefined) return undefined;
  const { key, startMs, endMs } = periodAt(budget.timeZone, period, nowMs);
  return {
    account: `${kind}/${budget.id}/${budget.edition}/${key}`,
    // Also an exposure: what a call has of it comes back with the call, and what went with its holder never does.
    kind: "money",
    limit: kind === "budget" ? limitInForce(budget, nowMs) : exposureMaxOf(budget),
    windowMs: 0,
    beginsMs: period === "total" ? undefined : startMs,
    endsMs: endMs,
    budget,
  };
}
