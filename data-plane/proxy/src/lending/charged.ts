// The budgets and limits of a call as charges, whatever it is a call of: which of them it is charged to is the kernel's word, and
// which policies it counts against was that of the policies themselves. Soft budgets are counted by facts, and hold nothing.

import type { PolicyLimit } from "@tollgate/kernel/policy/answer";
import { BudgetLedgerLost, LimitMeasure, type Budget, type Limit } from "@tollgate/schema/resources";
import type { Call } from "../pipeline/call.ts";
import { decisionIdOf } from "../pipeline/policies.ts";
import type { RefusedAbout } from "../pipeline/record.ts";
import type { Charge } from "./standing.ts";

/** Made once: a subject that is put together for each call has to be hashed for each, wherever leases are found by it. */
const kept = new WeakMap<Budget | Limit, Charge>();

export function budgetCharge(budget: Budget, allowanceNanoUsd: bigint): Charge {
  if (allowanceNanoUsd > 0n) return { ...budgetCharge(budget, 0n), of: { kind: "budget", budget, allowanceNanoUsd } };
  const known = kept.get(budget);
  if (known !== undefined) return known;
  return keep(budget, {
    subject: `budget/${budget.id}`,
    kind: "money",
    of: { kind: "budget", budget, allowanceNanoUsd },
  });
}

export function limitCharge(limit: Limit): Charge {
  const known = kept.get(limit);
  return known ?? keep(limit, { subject: `limit/${limit.id}`, kind: kindOf(limit), of: { kind: "limit", limit } });
}

function keep(resource: Budget | Limit, charge: Charge): Charge {
  kept.set(resource, charge);
  return charge;
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
