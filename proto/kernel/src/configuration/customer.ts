// One entry of `customers`, with what bounds the keys of its teams.

import { boundFields, readBound, type BoundNeighbours, type ConfiguredBound } from "./bound.ts";
import type { Place } from "./issue.ts";
import { mappingOf, newNameOf, type Found, type Reading } from "./reader.ts";

export type ConfiguredCustomer = { name: string; at: Place } & ConfiguredBound;

const fields = { name: "required", ...boundFields } as const;

export function readCustomer(
  reading: Reading,
  at: Found,
  { taken, toolGroups }: BoundNeighbours,
): ConfiguredCustomer | undefined {
  const read = mappingOf(reading, at, fields, { later: ["budget", "limits"] });
  const name = read?.name && newNameOf(reading, read.name, taken);
  if (name === undefined || !read?.name) return undefined;
  return { name, ...readBound(reading, read, toolGroups), at: read.name.at };
}
