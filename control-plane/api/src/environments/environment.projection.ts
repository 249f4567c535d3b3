// Environments for screens, and their bounds for the fleet's.

import { fromBinary } from "@bufbuild/protobuf";
import { EnvironmentSchema } from "@tollgate/schema/resources";
import type { Sql } from "../database.ts";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";
import { schemaOf } from "../projections/projection.ts";

export const environments = resourceKind("environment", EnvironmentSchema, {
  name: "environments",
  version: 1,
  tables: resourceTables,
  on: {
    EnvironmentSet: ({ environment }) => stored(EnvironmentSchema, environment),
    EnvironmentRetired: ({ environment }) => stored(EnvironmentSchema, environment, { isLive: false }),
  },
});

/** By name; without those that say nothing. */
export async function readAgeBounds(sql: Sql): Promise<ReadonlyMap<string, bigint>> {
  const rows = await sql.query<{ body: Uint8Array }>(
    `SELECT body FROM ${schemaOf(environments.projection)}.resource WHERE is_live`,
  );
  const found = rows.map(({ body }) => fromBinary(EnvironmentSchema, body));
  return new Map(
    found.flatMap(({ name, replicaAgeMsMax }) => (replicaAgeMsMax === undefined ? [] : [[name, replicaAgeMsMax]])),
  );
}
