// What a limit may say, asked by the configuration file and the decider alike. A limit that could never count anything is refused
// and not kept: whoever set it would believe that he is bounded.

import { LimitMeasure, LimitWindow } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { modelPatternProblem } from "../model-pattern.ts";
import { toolPatternProblem } from "../tool-pattern.ts";
import { scopeProblem, type Scope } from "./quota-scope.ts";

export const limitMeasures = {
  requests: LimitMeasure.REQUESTS,
  tokens: LimitMeasure.TOKENS,
  concurrentCalls: LimitMeasure.CONCURRENT_CALLS,
} as const;

export const limitWindows = {
  minute: LimitWindow.MINUTE,
  hour: LimitWindow.HOUR,
  day: LimitWindow.DAY,
} as const;

export type LimitSettings = {
  scope: Scope;
  measure: LimitMeasure;
  amount: bigint;
  /** Undefined for concurrent calls, and for nothing else. */
  window: LimitWindow | undefined;
  /** With neither these nor `tools`, it is for all calls. */
  models: readonly string[];
  tools: readonly string[];
};

export type Problem = { field: string; problem: string };

/** The first thing that is wrong; undefined where all is well. */
export function limitProblem({ scope, models, tools, ...counted }: LimitSettings): Problem | undefined {
  if (scope.kind === "label") return { field: "scope", problem: "is a label, which limits do not count by" };
  const aboutScope = scopeProblem(scope);
  if (aboutScope !== undefined) return { field: "scope", problem: aboutScope };
  const aboutCounted = countedProblem(counted);
  if (aboutCounted !== undefined) return aboutCounted;
  const { measure } = counted;
  if (measure === LimitMeasure.TOKENS && tools.length > 0)
    return { field: "tools", problem: "are of calls that have no tokens" };
  return patternsProblem("models", models, limitedModelProblem) ?? patternsProblem("tools", tools, toolPatternProblem);
}

/** Of what is counted, whoever is counted. */
export function countedProblem({
  measure,
  amount,
  window,
}: Pick<LimitSettings, "measure" | "amount" | "window">): Problem | undefined {
  if (amount < 0n || amount > BigInt(limits.limitAmountMax))
    return { field: "amount", problem: `is not a whole number from 0 to ${limits.limitAmountMax}` };
  const isConcurrent = measure === LimitMeasure.CONCURRENT_CALLS;
  if (isConcurrent && window !== undefined)
    return { field: "window", problem: "is not for calls at one time, which have none" };
  if (!isConcurrent && window === undefined) return { field: "window", problem: "is missing" };
  return undefined;
}

function patternsProblem(
  field: string,
  patterns: readonly string[],
  problemOf: (pattern: string) => string | undefined,
): Problem | undefined {
  const max = limits.patternsPerLimitMax;
  if (patterns.length > max) return { field, problem: `has more than ${max} patterns` };
  for (const [index, pattern] of patterns.entries()) {
    const problem = problemOf(pattern);
    if (problem !== undefined) return { field: `${field}[${index}]`, problem };
  }
  return undefined;
}

/** A limit counts by the model that is called, by whatever name. */
export function limitedModelProblem(pattern: string): string | undefined {
  const problem = modelPatternProblem(pattern);
  if (problem !== undefined || pattern === "*" || pattern.includes("/")) return problem;
  return "is of an alias; a limit counts the models that are called, as provider/model";
}
