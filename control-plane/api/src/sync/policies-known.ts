// Whether a proxy may be told the state at all. One from before policies would keep what it is told of them apart and go on as if
// there were none, so where there are policies it gets nothing, and is not ready or grows stale. What it has by other ways is
// bounded by what is refused at the append (`knowledge.ts`).

import { TollgateError } from "@tollgate/kernel/errors";
import type { Sql } from "../database.ts";
import { schemaOf } from "../projections/projection.ts";
import { replicaProjection } from "../projections/replica.ts";

export async function mustKnowPolicies(sql: Sql, kinds: readonly string[]): Promise<void> {
  if (kinds.includes("policy")) return;
  const table = `${schemaOf(replicaProjection)}.resource`;
  const found = await sql.query(`SELECT FROM ${table} WHERE kind = 'policy' LIMIT 1`);
  if (found.length > 0) throw new TollgateError("sync.policies-unknown");
}
