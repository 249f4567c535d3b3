// What the policies say of a call: asked in their order, each that covers the call and whose expression matches it, until one
// refuses. The first refusal wins, and an expression that fails refuses, too, because nobody knows what it would have said.
// Redactions add up, and so do the limits that a call counts against: it counts only where all of them have let it through.
// Whoever wants to explain a decision is told of every policy as it is asked; it is the same evaluation.

import type { ErrorCode } from "../errors.ts";
import type { PolicyLimit, Redaction } from "./answer.ts";
import type { CompiledPolicy } from "./compile.ts";
import { covers } from "./cover.ts";
import type { Subject } from "./subject.ts";

/** What is still to be done to a call that they let through. */
export type Obligations = { readonly redactions: readonly Redaction[]; readonly limits: readonly PolicyLimit[] };

export type Decision =
  | ({ readonly outcome: "passed" } & Obligations)
  | { readonly outcome: "refused"; readonly policy: CompiledPolicy; readonly code: ErrorCode; readonly detail: string };

/** What one policy said. `unasked`: another refused before it. */
export type Spoken = {
  readonly policy: CompiledPolicy;
  readonly said: "not-covered" | "unmatched" | "passes" | "redacts" | "counts" | "refuses" | "fails";
  readonly reason: string;
  readonly cost: number;
};

export const noObligations: Obligations = { redactions: [], limits: [] };
const passed: Decision = { outcome: "passed", ...noObligations };

/** In the order in which they speak. */
export function inOrder(policies: Iterable<CompiledPolicy>): readonly CompiledPolicy[] {
  return [...policies].sort((a, b) => a.order - b.order || (a.name < b.name ? -1 : 1));
}

export function decide(
  policies: readonly CompiledPolicy[],
  subject: Subject,
  tell?: (spoken: Spoken) => void,
): Decision {
  const redactions: Redaction[] = [];
  const limits: PolicyLimit[] = [];
  for (const policy of policies) {
    if (!covers(policy.cover, subject)) {
      tell?.({ policy, said: "not-covered", reason: "", cost: 0 });
      continue;
    }
    const matched = policy.expression.evaluate(subject);
    if (matched.outcome === "failed") {
      const { reason } = matched;
      tell?.({ policy, said: "fails", reason, cost: 0 });
      return { outcome: "refused", policy, code: "policy.failed", detail: failure(policy, reason) };
    }
    const { cost } = matched;
    if (matched.outcome === "unmatched") {
      tell?.({ policy, said: "unmatched", reason: "", cost });
      continue;
    }
    const answer = policy.judge(subject);
    tell?.({ policy, said: answer.outcome, reason: "detail" in answer ? answer.detail : "", cost });
    if (answer.outcome === "refuses") return { outcome: "refused", policy, code: answer.code, detail: answer.detail };
    if (answer.outcome === "redacts") redactions.push(answer.redaction);
    if (answer.outcome === "counts") limits.push(answer.limit);
  }
  return redactions.length + limits.length === 0 ? passed : { outcome: "passed", redactions, limits };
}

function failure({ name }: CompiledPolicy, reason: string): string {
  return `(${name}) ${reason}.`;
}
