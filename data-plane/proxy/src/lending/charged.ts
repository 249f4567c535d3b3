// The budgets and limits of a call as charges, whatever it is a call of: which of them it is charged to is the kernel's word. Soft
// budgets are counted by facts, and hold nothing.

import type { CallTarget } from "@tollgate/kernel/quotas/charged";
import { budgetsOf, limitsOf } from "@tollgate/kernel/quotas/charged";
import type { ErrorCode } from "@tollgate/kernel/errors";
import type { Principal, View } from "@tollgate/kernel/view";
import { BudgetLedgerLost, LimitMeasure, type Budget, type Limit } from "@tollgate/schema/resources";
import type { Charge } from "./standing.ts";

export type Charged =
  | { readonly outcome: "charged"; readonly budgets: readonly Budget[]; readonly limits: readonly Limit[] }
  | { readonly outcome: "refused"; readonly code: ErrorCode };

export function chargedTo(view: View, principal: Principal, target: CallTarget): Charged {
  const budgets = budgetsOf(view, principal);
  if (budgets.outcome === "refused") return budgets;
  const limits = limitsOf(view, principal, target);
  if (limits.outcome === "refused") return limits;
  return { outcome: "charged", budgets: budgets.to, limits: limits.to };
}

export function budgetCharge(budget: Budget, allowanceNanoUsd: bigint): Charge {
  return { subject: `budget/${budget.id}`, kind: "money", of: { kind: "budget", budget, allowanceNanoUsd } };
}

export function limitCharge(limit: Limit): Charge {
  const kind = limit.measure === LimitMeasure.CONCURRENT_CALLS ? "slots" : "window";
  return { subject: `limit/${limit.id}`, kind, of: { kind: "limit", limit } };
}

export function goesOnWithoutLedger({ of }: Charge): boolean {
  return of.kind === "budget" && of.budget.onLedgerLost === BudgetLedgerLost.ALLOW;
}
