// One entry of `teams` or of `users`: what bounds its keys, and the customer that it is of. Keys say which team and user they are
// of; a team knows no users.

import { boundFields, namedOf, readBound, type BoundNeighbours, type ConfiguredBound } from "./bound.ts";
import type { Place } from "./issue.ts";
import { mappingOf, newNameOf, type Found, type Reading } from "./reader.ts";

/** A team or a user. */
export type ConfiguredMember = { name: string; customer?: string; at: Place } & ConfiguredBound;

const fields = { name: "required", customer: "optional", ...boundFields } as const;

export function readMember(
  reading: Reading,
  at: Found,
  { taken, toolGroups, customers }: BoundNeighbours & { customers: ReadonlySet<string> },
): ConfiguredMember | undefined {
  const read = mappingOf(reading, at, fields, { later: ["budget", "limits"] });
  const name = read?.name && newNameOf(reading, read.name, taken);
  const customer = read?.customer && namedOf(reading, read.customer, "customer", customers);
  if (name === undefined || !read?.name) return undefined;
  return {
    name,
    ...(customer === undefined ? {} : { customer }),
    ...readBound(reading, read, toolGroups),
    at: read.name.at,
  };
}
