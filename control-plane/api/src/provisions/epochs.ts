// Epochs and the keys that sign their facts. An epoch is a number that a proxy was given once; its key is derived from one
// secret of the control plane, so that it can be given again to the proxy that lost it and be known to the ingest without
// being stored.

import { createHmac } from "node:crypto";
import type { Sql } from "../database.ts";

export function epochKey(root: Uint8Array, proxyId: string, epoch: bigint): Uint8Array {
  return createHmac("sha256", root).update(`tollgate epoch\n${proxyId}\n${epoch}`).digest();
}

/** `count` epochs that the proxy never had, all above `after`. */
export async function giveEpochs(sql: Sql, proxyId: string, count: number, after: bigint): Promise<bigint[]> {
  const [row] = await sql.query<{ last: bigint }>(
    `INSERT INTO usage.epoch_given AS given (proxy_id, last) VALUES ($1, $3::bigint + $2)
     ON CONFLICT (proxy_id) DO UPDATE SET last = greatest(given.last, $3::bigint) + $2 RETURNING last`,
    [proxyId, count, after],
  );
  if (!row) throw new Error("an upsert returned no row");
  return Array.from({ length: count }, (_, index) => row.last - BigInt(count - 1 - index));
}
