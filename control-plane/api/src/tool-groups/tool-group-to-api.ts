// A tool group as the API shows it: as itself, and as what keys and teams have. They are given groups by name and keep ids.

import {
  Era as EraValue,
  ToolNaming as NamingValue,
  type ToolGroup as ToolGroupResource,
} from "@tollgate/schema/resources";
import type { Sql } from "../database.ts";
import type { Era, ToolGroup, ToolNaming } from "../gen/graphql.ts";
import { batched } from "../listing/batched.ts";
import { referredResources } from "../listing/resource-rows.ts";
import type { Plane } from "../plane.ts";
import { toolGroups } from "./tool-group.projection.ts";

export const namings = {
  AUTO: NamingValue.UNSPECIFIED,
  ALWAYS: NamingValue.ALWAYS,
  NONE: NamingValue.NONE,
} as const satisfies Record<ToolNaming, NamingValue>;

export const eras = { LEGACY: EraValue.LEGACY, MODERN: EraValue.MODERN } as const satisfies Record<Era, EraValue>;

export function toolGroupToApi({ id, name, tools, naming, eras: served }: ToolGroupResource): ToolGroup {
  return {
    id,
    name,
    tools,
    naming: nameIn(namings, naming) ?? "AUTO",
    eras: served.flatMap((era) => nameIn(eras, era) ?? []),
  };
}

/** The word of the API for a value of the schema. */
export function nameIn<Name extends string>(table: Readonly<Record<Name, unknown>>, value: unknown): Name | undefined {
  for (const name in table) if (table[name] === value) return name;
  return undefined;
}

/** Of whoever has them, by the ids that it holds. */
export function attachedToolGroups(plane: Plane): (ids: readonly string[]) => Promise<ToolGroup[]> {
  const one = batched((ids) => referredResources(plane, toolGroups, ids));
  return async (ids) => {
    const found = await Promise.all(ids.map(one));
    // A group is kept while something refers to it, and the rows of groups outlive them.
    return found.map((group, index) => {
      if (!group) throw new Error(`the tool group ${ids[index]} is nowhere`);
      return toolGroupToApi(group);
    });
  };
}

type Named =
  | { outcome: "found"; ids: string[] | undefined }
  | { outcome: "refused"; refusal: { kind: "reference-missing"; scope: string } };

/** Their ids in the same order; none where no names were given. */
export async function toolGroupIdsOf(sql: Sql, names: readonly string[] | null | undefined): Promise<Named> {
  if (!names) return { outcome: "found", ids: undefined };
  const rows = await sql.query<{ name: string; id: string }>(
    `SELECT name, substr(stream, length('tool-group/') + 1) AS id FROM log.name
     WHERE kind = 'tool-group' AND name = ANY ($1::text[])`,
    [[...names]],
  );
  const ids = new Map(rows.map(({ name, id }) => [name, id]));
  const missing = names.find((name) => !ids.has(name));
  if (missing !== undefined)
    return { outcome: "refused", refusal: { kind: "reference-missing", scope: `tool-group/${missing}` } };
  return { outcome: "found", ids: names.flatMap((name) => ids.get(name) ?? []) };
}
