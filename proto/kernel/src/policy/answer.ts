// What a kind of policy is to the evaluator: compiled once, it is asked about a call that its expression matches, and says
// one of four things. A new kind is a file beside this one and a case in `compile.ts`.

import type { LimitMeasure } from "@tollgate/schema/resources";
import type { ErrorCode } from "../errors.ts";
import type { Pattern } from "./pattern.ts";
import type { Subject } from "./subject.ts";

export type Direction = "request" | "response";

/** What is taken out of texts, and what is written in its place. */
export type Redaction = {
  readonly of: "tools" | "models";
  readonly directions: ReadonlySet<Direction>;
  readonly patterns: readonly Pattern[];
  readonly replacement: string;
};

/** What a call counts against. Whether there is room is for those to say who hold what was lent of it. */
export type PolicyLimit = {
  readonly policyId: string;
  readonly policyName: string;
  readonly measure: LimitMeasure;
  readonly amount: bigint;
};

export type Answer =
  | { readonly outcome: "passes" }
  | { readonly outcome: "refuses"; readonly code: ErrorCode; readonly detail: string }
  | { readonly outcome: "redacts"; readonly redaction: Redaction }
  | { readonly outcome: "counts"; readonly limit: PolicyLimit; readonly detail: string };

/** It says nothing of other calls than those whose expression matched. */
export type Judge = (subject: Subject) => Answer;

export const passes: Answer = { outcome: "passes" };

/** Line and column count from 1, and are those in the field. */
export type PolicyProblem = {
  readonly field: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
};

export class PolicyRefused extends Error {
  readonly problem: PolicyProblem;

  constructor(problem: PolicyProblem) {
    super(sentenceOf(problem));
    this.problem = problem;
  }
}

export function sentenceOf({ field, message, line, column }: PolicyProblem): string {
  return line === undefined ? `\`${field}\`: ${message}` : `\`${field}\`, line ${line}, column ${column}: ${message}`;
}
