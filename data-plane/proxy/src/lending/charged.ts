// The budgets and limits of a call as charges, whatever it is a call of: which of them it is charged to is the kernel's word, and
// which policies it counts against was that of the policies themselves. Soft budgets are counted by facts, and hold nothing.

import type { CallTarget } from "@tollgate/kernel/quotas/charged";
import { budgetsOf, limitsOf } from "@tollgate/kernel/quotas/charged";
import type { ErrorCode } from "@tollgate/kernel/errors";
import type { PolicyLimit } from "@tollgate/kernel/policy/answer";
import type { Principal, View } from "@tollgate/kernel/view";
import { BudgetLedgerLost, LimitMeasure, type Budget, type Limit } from "@tollgate/schema/resources";
import type { Call } from "../pipeline/call.ts";
import { decisionIdOf } from "../pipeline/policies.ts";
import type { RefusedAbout } from "../pipeline/record.ts";
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
  return { subject: `limit/${limit.id}`, kind: kindOf(limit), of: { kind: "limit", limit } };
}

export function policyCharge(limit: PolicyLimit, call: Pick<Call, "requestId">): Charge {
  const { policyId, policyName } = limit;
  const decision = { policyId, policyName, decisionId: decisionIdOf(call, policyId) };
  return { subject: `policy/${policyId}`, kind: kindOf(limit), of: { kind: "limit", limit, decision } };
}

function kindOf({ measure }: Pick<Limit, "measure">): Charge["kind"] {
  return measure === LimitMeasure.CONCURRENT_CALLS ? "slots" : "window";
}

/** What is told and written down where a charge refuses that is a policy's: it is the policy's decision. */
export function decidedBy(charge: Charge | undefined): {
  readonly refusal: { readonly data?: object };
  readonly about: Pick<RefusedAbout, "policyId" | "decisionId">;
} {
  const decision = charge?.of.kind === "limit" ? charge.of.decision : undefined;
  if (decision === undefined) return { refusal: {}, about: {} };
  const { policyId, decisionId } = decision;
  return { refusal: { data: { decisionId } }, about: { policyId, decisionId } };
}

export function goesOnWithoutLedger({ of }: Charge): boolean {
  return of.kind === "budget" && of.budget.onLedgerLost === BudgetLedgerLost.ALLOW;
}
