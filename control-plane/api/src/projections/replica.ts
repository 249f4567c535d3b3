// The state that proxies hold, as rows: the fold of the kernel, one row a resource with the very bytes that its last event
// carried. Snapshots are read from it at one position, and a configuration is compared with it. Nothing of it is searched;
// screens have projections of their own. A body that cannot be read stops it, where a proxy would refuse a scope: here the
// event was written by this control plane, so it is a bug.

import { eventTypes } from "@tollgate/kernel/catalogue";
import { limits } from "@tollgate/kernel/limits";
import { changeOf } from "@tollgate/kernel/replica";
import type { Database } from "../database.ts";
import { hashAt, type LogEntry, type Place } from "../log/read.ts";
import { readAt } from "./advance.ts";
import { schemaOf, statement, type Projection, type Statement } from "./projection.ts";

export const replicaProjection: Projection = {
  name: "replica",
  version: 1,
  tables: `
    CREATE TABLE resource (
      kind text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      body bytea NOT NULL,
      PRIMARY KEY (kind, id)
    )`,
  on: Object.fromEntries(
    [...eventTypes.values()].filter(({ replicated }) => replicated).map(({ desc }) => [desc.name, change]),
  ),
};

function change(_: unknown, { logged }: LogEntry): Statement[] {
  const changed = changeOf(logged);
  if (!changed) return [];
  const { kind, id, bytes } = changed;
  if (bytes === undefined) return [statement("DELETE FROM resource WHERE kind = $1 AND id = $2", kind, id)];
  return [
    statement(
      `INSERT INTO resource (kind, id, body) VALUES ($1, $2, $3)
       ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body`,
      kind,
      id,
      bytes,
    ),
  ];
}

export type StoredResource = { kind: string; id: string; body: Uint8Array };

/** Every resource at one position, page by page; answers the place. `visit` holds up the read while it is slow. */
export function readResources(
  database: Database,
  visit: (page: readonly StoredResource[], position: bigint) => Promise<void>,
): Promise<Place> {
  const table = `${schemaOf(replicaProjection)}.resource`;
  return readAt(database, replicaProjection, async (sql, position) => {
    const hash = await hashAt(sql, position);
    if (!hash) throw new Error(`the projection is at ${position}, which the log does not have`);
    let after = { kind: "", id: "" };
    for (;;) {
      const page = await sql.query<StoredResource>(
        `SELECT kind, id, body FROM ${table} WHERE (kind, id) > ($1, $2) ORDER BY kind, id LIMIT $3`,
        [after.kind, after.id, limits.snapshotChunkResourcesMax],
      );
      const last = page.at(-1);
      if (!last) return { position, hash };
      await visit(page, position);
      after = last;
    }
  });
}
