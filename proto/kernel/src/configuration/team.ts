// One entry of `teams`.

import type { Place } from "./issue.ts";
import { mappingOf, newNameOf, type Found, type Reading } from "./reader.ts";

export type ConfiguredTeam = { name: string; at: Place };

export function readTeam(reading: Reading, at: Found, taken: Map<string, Place>): ConfiguredTeam | undefined {
  const read = mappingOf(reading, at, { name: "required" }, { later: ["budget", "limits", "models", "tools"] });
  const name = read?.name && newNameOf(reading, read.name, taken);
  return name === undefined || !read?.name ? undefined : { name, at: read.name.at };
}
