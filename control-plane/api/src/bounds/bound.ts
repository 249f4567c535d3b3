// What customers, teams and users have in common: they bound what their keys reach, by patterns of tools, groups and patterns of
// models. Here is what a bound may be, how it is stored and what it refers to; whose it is, and what else those are, is said
// in their own folders.

import { limits } from "@tollgate/kernel/limits";
import { modelsProblem } from "../model-aliases/granted-models.ts";
import type { InvalidInput } from "../refusals.ts";
import { grantProblem, sameGrant, sameList, type GrantedTools } from "../tool-groups/granted-tools.ts";

export type Bound = GrantedTools & { models: readonly string[] };

/** What is absent stays as it was; before, there was nothing. */
export function changedBound(former: Bound, { tools, toolGroupIds, models }: Partial<Bound>): Bound {
  return {
    tools: tools ?? former.tools,
    toolGroupIds: toolGroupIds ?? former.toolGroupIds,
    models: models ?? former.models,
  };
}

export const noBound: Bound = { tools: [], toolGroupIds: [], models: [] };

export function boundProblem(bound: Bound): InvalidInput | undefined {
  return (
    grantProblem(bound, limits.toolPatternsPerBoundMax) ?? modelsProblem(bound.models, limits.modelPatternsPerBoundMax)
  );
}

export function sameBound(a: Bound, b: Bound): boolean {
  return sameGrant(a, b) && sameList(a.models, b.models);
}

export function storedBound({ tools, toolGroupIds, models }: Bound) {
  return { tools: [...tools], toolGroupIds: [...toolGroupIds], models: [...models] };
}
