// What a proxy would know that has applied the whole log, made out of the rows that snapshots are read from. Of keys, of which
// there may be very many, only those that are asked about are in it.

import { fromSnapshot, type Change } from "@tollgate/kernel/replica";
import { viewOf, type View } from "@tollgate/kernel/view";
import { head } from "../log/read.ts";
import type { Plane } from "../plane.ts";
import { readResources } from "../projections/replica.ts";

const reachedMsMax = 10_000;

export type LogView = {
  readonly view: View;
  readonly position: bigint;
  readonly resources: readonly Required<Change>[];
  /** False where there are more keys than were asked for. */
  readonly hasAllKeys: boolean;
};

export type WantedKeys = { readonly wants: (id: string) => boolean; readonly max: number };

export async function readView(
  { database, projections }: Pick<Plane, "database" | "projections">,
  keys: WantedKeys,
): Promise<LogView> {
  const newest = await head(database.sql);
  await projections.reached(newest.position, reachedMsMax, "replica");
  const resources: Required<Change>[] = [];
  let keysLeft = keys.max;
  const { position } = await readResources(database, (page) => {
    for (const { kind, id, body } of page)
      if (kind !== "key" || (keys.wants(id) && keysLeft-- > 0)) resources.push({ kind, id, bytes: body });
    return Promise.resolve();
  });
  return { view: viewOf(fromSnapshot(position, resources)), position, resources, hasAllKeys: keysLeft >= 0 };
}
