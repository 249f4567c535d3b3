// What a proxy would know that has applied the whole log, made out of the rows that snapshots are read from. Of keys, of which
// there may be very many, only those that are asked about are in it.

import { fromSnapshot, type Change } from "@tollgate/kernel/replica";
import { viewOf, type View } from "@tollgate/kernel/view";
import { head } from "../log/read.ts";
import type { Plane } from "../plane.ts";
import { readResources } from "../projections/replica.ts";

const reachedMsMax = 10_000;

export async function readView(
  { database, projections }: Pick<Plane, "database" | "projections">,
  wantsKey: (id: string) => boolean,
): Promise<{ view: View; position: bigint }> {
  const newest = await head(database.sql);
  await projections.reached(newest.position, reachedMsMax, "replica");
  const changes: Required<Change>[] = [];
  const { position } = await readResources(database, (page) => {
    for (const { kind, id, body } of page) if (kind !== "key" || wantsKey(id)) changes.push({ kind, id, bytes: body });
    return Promise.resolve();
  });
  return { view: viewOf(fromSnapshot(position, changes)), position };
}
