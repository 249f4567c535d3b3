// A policy, from its resource to what calls are asked of: its expression, what it covers, and the judge of its kind. Both
// planes compile alike, so that what was accepted can be enforced by whoever is of the same version. What does not compile
// is no policy: a proxy that meets one refuses what it covers.

import type { Policy } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { PolicyRefused, sentenceOf, type Judge, type PolicyProblem } from "./answer.ts";
import { coverOf, type Cover } from "./cover.ts";
import { compileDeny } from "./deny.ts";
import { compileExpression, everyCall, type Expression } from "./expression.ts";
import { compileLimit } from "./limit.ts";
import { compileRedact } from "./redact.ts";
import { compileValidateArguments } from "./validate-arguments.ts";

export type CompiledPolicy = {
  readonly id: string;
  readonly name: string;
  readonly order: number;
  readonly cover: Cover;
  readonly expression: Expression;
  readonly kind: PolicyKind;
  readonly judge: Judge;
};

/** `refused`: what a proxy could not understand. */
export type PolicyKind = NonNullable<Policy["kind"]["case"]> | "refused";

export type Compiled =
  | { readonly outcome: "compiled"; readonly policy: CompiledPolicy }
  | { readonly outcome: "refused"; readonly problem: PolicyProblem };

export function compilePolicy(policy: Policy): Compiled {
  try {
    const { id, name, order } = policy;
    const compiled = { id, name, order, cover: coverOf(policy.covers), expression: expressionOf(policy) };
    return { outcome: "compiled", policy: { ...compiled, ...kindOf(policy) } };
  } catch (error) {
    if (error instanceof PolicyRefused) return { outcome: "refused", problem: error.problem };
    throw error;
  }
}

/** Why it cannot be enforced here; undefined when it can. */
export function policyProblem(policy: Policy): string | undefined {
  const compiled = compilePolicy(policy);
  return compiled.outcome === "refused" ? sentenceOf(compiled.problem) : undefined;
}

function expressionOf({ match, order }: Policy): Expression {
  if (Math.abs(order) > limits.policyOrderMax)
    throw new PolicyRefused({ field: "order", message: `it is beyond ${limits.policyOrderMax}` });
  if (match.trim() === "") return everyCall;
  const compiled = compileExpression(match);
  if (compiled.outcome === "refused") throw new PolicyRefused({ field: "match", ...compiled.problem });
  return compiled.expression;
}

function kindOf({ id, name, kind }: Policy): { kind: PolicyKind; judge: Judge } {
  switch (kind.case) {
    case "deny":
      return { kind: kind.case, judge: compileDeny(kind.value) };
    case "redact":
      return { kind: kind.case, judge: compileRedact(kind.value) };
    case "validateArguments":
      return { kind: kind.case, judge: compileValidateArguments(kind.value) };
    case "limit":
      return { kind: kind.case, judge: compileLimit(kind.value, { policyId: id, policyName: name }) };
    case undefined:
      throw new PolicyRefused({ field: "kind", message: "it is of no kind that is known here" });
  }
}
