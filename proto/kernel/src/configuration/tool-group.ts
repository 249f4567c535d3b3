// One entry of `toolGroups`, and what keys and teams grant: patterns, and groups of the file as `group:NAME`. Groups hold no
// groups.

import type { Era, ToolNaming } from "@tollgate/schema/resources";
import { limits } from "../limits.ts";
import { toolPatternProblem } from "../tool-pattern.ts";
import type { Place } from "./issue.ts";
import { listOf, mappingOf, newNameOf, oneOf, textOf, type Found, type Reading } from "./reader.ts";
import { nearest } from "./suggestion.ts";

export type ConfiguredToolGroup = {
  name: string;
  tools: string[];
  naming: keyof typeof namings;
  /** None: both. */
  eras: (keyof typeof groupEras)[];
  at: Place;
};

export type ConfiguredTools = { tools: string[]; toolGroups: string[] };

export const namings = { auto: 0, always: 2, none: 3 } as const satisfies Record<string, ToolNaming>;
export const groupEras = { legacy: 1, modern: 2 } as const satisfies Record<string, Era>;

const fields = { name: "required", tools: "required", naming: "optional", eras: "optional" } as const;
const groupPrefix = "group:";

export function readToolGroup(reading: Reading, at: Found, taken: Map<string, Place>): ConfiguredToolGroup | undefined {
  const read = mappingOf(reading, at, fields, { later: ["mode"] });
  const name = read?.name && newNameOf(reading, read.name, taken);
  if (!read?.name || name === undefined) return undefined;
  const { tools } = grantedTools(reading, read.tools, undefined, limits.toolPatternsPerGroupMax);
  const naming = read.naming ? oneOf(reading, read.naming, namings) : "auto";
  const eras = read.eras ? listOf(reading, read.eras, (_, item) => oneOf(reading, item, groupEras)) : [];
  return naming === undefined ? undefined : { name, tools, naming, eras, at: read.name.at };
}

/** `groups` are those of the file; undefined where none may stand. */
export function grantedTools(
  reading: Reading,
  at: Found | undefined,
  groups: ReadonlySet<string> | undefined,
  patternsMax: number,
): ConfiguredTools {
  const granted: ConfiguredTools = { tools: [], toolGroups: [] };
  const take = (_: Reading, item: Found): undefined => {
    const text = textOf(reading, item);
    if (text === undefined) return undefined;
    const isGroup = text.startsWith(groupPrefix);
    const name = text.slice(groupPrefix.length);
    const problem = isGroup ? groupProblem(name, groups, granted.toolGroups) : toolPatternProblem(text);
    if (problem !== undefined) reading.issues.add(item, problem);
    else if (isGroup) granted.toolGroups.push(name);
    else granted.tools.push(text);
    return undefined;
  };
  if (at) listOf(reading, at, take);
  if (at && granted.tools.length > patternsMax) reading.issues.add(at, `has more than ${patternsMax} patterns`);
  const groupsMax = limits.toolGroupsPerHolderMax;
  if (at && granted.toolGroups.length > groupsMax) reading.issues.add(at, `has more than ${groupsMax} groups`);
  return granted;
}

function groupProblem(
  name: string,
  groups: ReadonlySet<string> | undefined,
  taken: readonly string[],
): string | undefined {
  if (!groups) return "names a tool group, and groups hold none";
  if (taken.includes(name)) return "names a group again";
  if (groups.has(name)) return undefined;
  const meant = nearest(name, groups);
  return `names no tool group of this file${meant === undefined ? "" : `; the nearest is \`${meant}\``}`;
}
