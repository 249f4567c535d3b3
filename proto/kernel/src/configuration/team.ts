// One entry of `teams`, with what bounds its keys.

import { limits } from "../limits.ts";
import type { Place } from "./issue.ts";
import { grantedModels } from "./models.ts";
import { mappingOf, newNameOf, type Found, type Reading } from "./reader.ts";
import { grantedTools, type ConfiguredTools } from "./tool-group.ts";

export type ConfiguredTeam = { name: string; models: string[]; at: Place } & ConfiguredTools;

const fields = { name: "required", tools: "optional", models: "optional" } as const;

export function readTeam(
  reading: Reading,
  at: Found,
  { taken, toolGroups }: { taken: Map<string, Place>; toolGroups: ReadonlySet<string> },
): ConfiguredTeam | undefined {
  const read = mappingOf(reading, at, fields, { later: ["budget", "limits"] });
  const name = read?.name && newNameOf(reading, read.name, taken);
  if (name === undefined || !read?.name) return undefined;
  const tools = grantedTools(reading, read.tools, toolGroups, limits.toolPatternsPerBoundMax);
  const models = grantedModels(reading, read.models, limits.modelPatternsPerBoundMax);
  return { name, ...tools, models, at: read.name.at };
}
