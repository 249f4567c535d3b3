// What keys, teams and tool groups have in common: a bounded list of patterns, and for keys and teams a bounded list of groups
// beside it. A group that is referred to keeps its name until nobody refers to it.

import { scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { toolPatternProblem } from "@tollgate/kernel/tool-pattern";
import { invalidInput, type InvalidInput } from "../refusals.ts";

export type GrantedTools = { tools: readonly string[]; toolGroupIds: readonly string[] };

export function toolsProblem(tools: readonly string[], patternsMax: number): InvalidInput | undefined {
  if (tools.length > patternsMax) return invalidInput("tools", `has more than ${patternsMax} patterns`);
  for (const [index, pattern] of tools.entries()) {
    const problem = toolPatternProblem(pattern);
    if (problem !== undefined) return invalidInput(`tools[${index}]`, problem);
  }
  return undefined;
}

export function grantProblem({ tools, toolGroupIds }: GrantedTools, patternsMax: number): InvalidInput | undefined {
  const max = limits.toolGroupsPerHolderMax;
  if (toolGroupIds.length > max) return invalidInput("toolGroupIds", `has more than ${max} groups`);
  if (new Set(toolGroupIds).size < toolGroupIds.length) return invalidInput("toolGroupIds", "has a group twice");
  return toolsProblem(tools, patternsMax);
}

export function sameGrant(a: GrantedTools, b: GrantedTools): boolean {
  return sameList(a.tools, b.tools) && sameList(a.toolGroupIds, b.toolGroupIds);
}

export function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

export function groupScopes(toolGroupIds: readonly string[]): string[] {
  return toolGroupIds.map((id) => scopeOf("tool-group", id));
}
