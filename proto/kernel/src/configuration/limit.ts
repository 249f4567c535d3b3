// One entry of `limits`: how many requests, tokens or calls at one time somebody may have. Patterns are only checked in their
// form, as those that grant are.

import { limits } from "../limits.ts";
import {
  limitedModelProblem,
  limitMeasures,
  limitProblem,
  limitWindows,
  type LimitSettings,
} from "../quotas/limit-rules.ts";
import { toolPatternProblem } from "../tool-pattern.ts";
import type { Place } from "./issue.ts";
import { readScope, type ConfiguredScope, type QuotaNeighbours } from "./quota-scope.ts";
import { checkedTextsOf, integerOf, mappingOf, newNameOf, oneOf, type Found, type Reading } from "./reader.ts";

export type ConfiguredLimit = {
  name: string;
  scope: ConfiguredScope;
  settings: Omit<LimitSettings, "scope">;
  at: Place;
};

const fields = {
  name: "required",
  scope: "required",
  measure: "required",
  amount: "required",
  window: "optional",
  models: "optional",
  tools: "optional",
} as const;

export function readLimit(
  reading: Reading,
  at: Found,
  { taken, ...neighbours }: QuotaNeighbours & { taken: Map<string, Place> },
): ConfiguredLimit | undefined {
  const read = mappingOf(reading, at, fields);
  if (!read) return undefined;
  const name = read.name && newNameOf(reading, read.name, taken);
  const scope = read.scope && readScope(reading, read.scope, neighbours);
  const measure = read.measure && oneOf(reading, read.measure, limitMeasures);
  const amount = read.amount && integerOf(reading, read.amount, { min: 0, max: limits.limitAmountMax });
  const window = read.window && oneOf(reading, read.window, limitWindows);
  const bounds = { max: limits.patternsPerLimitMax, what: "patterns" };
  const models = checkedTextsOf(reading, read.models, { ...bounds, problemOf: limitedModelProblem });
  const tools = checkedTextsOf(reading, read.tools, { ...bounds, problemOf: toolPatternProblem });
  if (name === undefined || !read.name || !read.scope || !scope || measure === undefined || amount === undefined)
    return undefined;
  if (read.window && window === undefined) return undefined;
  if (scope.kind === "label") {
    reading.issues.add(read.scope, "is a label, which limits do not count by");
    return undefined;
  }
  const settings = {
    ...{ measure: limitMeasures[measure], amount: BigInt(amount), models, tools },
    window: window && limitWindows[window],
  };
  const problem = togetherProblem(settings);
  const found = problem && read[problem.field];
  if (problem) reading.issues.add(found ?? at, found ? problem.problem : `lacks a \`${problem.field}\``);
  return { name, scope, settings, at: read.name.at };
}

type Together = "window" | "tools";

/** What is well by itself and does not go together. */
function togetherProblem(settings: Omit<LimitSettings, "scope">): { field: Together; problem: string } | undefined {
  // An id stands for the name, which is another one's to look up.
  const found = limitProblem({ ...settings, scope: { kind: "team", id: "0000000000000000" } });
  return found?.field === "window" || found?.field === "tools" ? { ...found, field: found.field } : undefined;
}
