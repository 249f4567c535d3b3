// What customers, teams and users of a file have in common: what bounds their keys, and the customer that teams and users may be
// of.

import { limits } from "../limits.ts";
import type { Place } from "./issue.ts";
import { grantedModels } from "./models.ts";
import { nameOf, type Found, type Reading } from "./reader.ts";
import { nearest } from "./suggestion.ts";
import { grantedTools, type ConfiguredTools } from "./tool-group.ts";

export type ConfiguredBound = { models: string[] } & ConfiguredTools;

/** What an entry must fit: the entries before it, and what it may name. */
export type BoundNeighbours = { taken: Map<string, Place>; toolGroups: ReadonlySet<string> };

export const boundFields = { tools: "optional", models: "optional" } as const;

export function readBound(
  reading: Reading,
  { tools, models }: { tools?: Found; models?: Found },
  toolGroups: ReadonlySet<string>,
): ConfiguredBound {
  return {
    ...grantedTools(reading, tools, toolGroups, limits.toolPatternsPerBoundMax),
    models: grantedModels(reading, models, limits.modelPatternsPerBoundMax),
  };
}

/** The name of one of the file's; `kind` as messages call it. */
export function namedOf(reading: Reading, at: Found, kind: string, known: ReadonlySet<string>): string | undefined {
  const name = nameOf(reading, at);
  if (name === undefined || known.has(name)) return name;
  const meant = nearest(name, known);
  reading.issues.add(at, `names no ${kind} of this file${meant === undefined ? "" : `; the nearest is \`${meant}\``}`);
  return undefined;
}
