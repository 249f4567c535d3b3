// An expression of CEL, from its text to a function that is asked about calls. What is wrong with it is said when it is
// compiled, with its place: syntax, names and functions that are not there, and how large it may be. What can only be known
// of a call, a member that it does not have, a number that cannot be held exactly, a cost beyond the bound, makes the
// evaluation fail; what becomes of the call then is for others to say.

import { isCelError, parse, plan } from "@bufbuild/cel";
import { limits } from "../limits.ts";
import { expressionProblem } from "./expression-check.ts";
import { environment, metered, withCharges } from "./metering.ts";
import { remembered } from "./remembered.ts";
import type { Subject } from "./subject.ts";

/** Lines and columns count from 1. */
export type ExpressionProblem = { readonly message: string; readonly line: number; readonly column: number };

export type Evaluation =
  | { readonly outcome: "matched" | "unmatched"; readonly cost: number }
  | { readonly outcome: "failed"; readonly reason: string };

export type Expression = {
  readonly text: string;
  readonly readsArguments: boolean;
  /** Which features a proxy has that can ask it. */
  readonly features: readonly string[];
  evaluate(this: void, subject: Subject): Evaluation;
};

export type CompiledExpression =
  | { readonly outcome: "compiled"; readonly expression: Expression }
  | { readonly outcome: "refused"; readonly problem: ExpressionProblem };

/** Matches every call. */
export const everyCall: Expression = {
  text: "",
  readsArguments: false,
  features: [],
  evaluate: () => ({ outcome: "matched", cost: 0 }),
};

export function compileExpression(text: string): CompiledExpression {
  if (text.length > limits.policyMatchCharsMax)
    return refusedAt(text, 0, `it is longer than ${limits.policyMatchCharsMax} characters`);
  const deep = tooDeepAt(text);
  if (deep !== undefined)
    return refusedAt(text, deep, `its brackets are nested more than ${limits.policyMatchDepthMax} deep`);
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(text);
  } catch (error) {
    return refusedAt(text, offsetIn(error), messageOf(error).replace(/^<input>:\d+:\d+: /, ""));
  }
  const checked = expressionProblem(parsed);
  if (checked.outcome === "refused") return refusedAt(text, checked.offset, checked.message);
  const ask = plan(environment, withCharges(parsed.expr));
  const { reads, features } = checked;
  const readsArguments = reads.includes("call.arguments");
  const evaluate = (subject: Subject): Evaluation => {
    try {
      const { result, cost } = metered(() => ask(subject.bindings(readsArguments)));
      if (isCelError(result)) return { outcome: "failed", reason: messageOf(result) };
      if (typeof result !== "boolean") return { outcome: "failed", reason: "its value is neither true nor false" };
      return { outcome: result ? "matched" : "unmatched", cost };
    } catch (error) {
      return { outcome: "failed", reason: messageOf(error) };
    }
  };
  return {
    outcome: "compiled",
    expression: { text, readsArguments, features, evaluate: remembered(reads, evaluate) },
  };
}

const reasonCharsMax = 200;

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Unsupported input /, "").slice(0, reasonCharsMax);
}

/** The parser descends by itself, and what stands in brackets it may read more than once. */
function tooDeepAt(text: string): number | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] ?? "";
    if ("([{".includes(sign)) depth += 1;
    else if (")]}".includes(sign)) depth -= 1;
    if (depth > limits.policyMatchDepthMax) return at;
  }
  return undefined;
}

function offsetIn(error: unknown): number {
  const { location }: { location?: unknown } = Object(error);
  const { start }: { start?: unknown } = Object(location);
  const { offset }: { offset?: unknown } = Object(start);
  return typeof offset === "number" ? offset : 0;
}

function refusedAt(text: string, offset: number, message: string): CompiledExpression {
  const before = text.slice(0, offset).split("\n");
  return { outcome: "refused", problem: { message, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 } };
}
