// What bounds keys, as the API is given it and shows it: groups by their names, and kept as ids.

import type { Sql } from "../database.ts";
import { toolGroupIdsOf } from "../tool-groups/tool-group-to-api.ts";
import type { Bound } from "./bound.ts";

/** As GraphQL knows it; null, too, is what is absent. */
export type BoundInput = {
  tools?: readonly string[] | null | undefined;
  toolGroups?: readonly string[] | null | undefined;
  models?: readonly string[] | null | undefined;
};

type Read =
  | { outcome: "read"; bound: Partial<Bound> }
  | { outcome: "refused"; refusal: { kind: "reference-missing"; scope: string } };

export async function boundFromApi(sql: Sql, { tools, toolGroups, models }: BoundInput): Promise<Read> {
  const groups = await toolGroupIdsOf(sql, toolGroups);
  if (groups.outcome === "refused") return groups;
  return {
    outcome: "read",
    bound: {
      ...(tools ? { tools } : {}),
      ...(groups.ids ? { toolGroupIds: groups.ids } : {}),
      ...(models ? { models } : {}),
    },
  };
}
