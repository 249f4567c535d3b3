// What proxies say they counted in each epoch, beside what has arrived of it: so a tail that died with its machine has a size.
// Counts only grow; whatever order reports come in, the largest stands.

import type { EpochCount } from "@tollgate/schema/sync";
import type { Sql } from "../database.ts";
import { int8Max } from "./batch.ts";

export async function storeEpochCounts(sql: Sql, proxyId: string, counts: readonly EpochCount[]): Promise<void> {
  if (counts.length === 0) return;
  const column = (of: (count: EpochCount) => bigint) => counts.map((count) => atMost(of(count)));
  await sql.query(
    `INSERT INTO usage.epoch_count AS known (proxy_id, epoch, seq, calls, refusals, open)
     SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
     ON CONFLICT (proxy_id, epoch) DO UPDATE SET seq = greatest(known.seq, excluded.seq),
       calls = greatest(known.calls, excluded.calls), refusals = greatest(known.refusals, excluded.refusals),
       open = CASE WHEN excluded.seq >= known.seq THEN excluded.open ELSE known.open END, heard = now()`,
    [
      proxyId,
      column(({ epoch }) => epoch),
      column(({ seq }) => seq),
      column(({ calls }) => calls),
      column(({ refusals }) => refusals),
      column(({ open }) => open),
    ],
  );
}

function atMost(value: bigint): bigint {
  return value > int8Max ? int8Max : value;
}

/** `in-transit`: its proxy was heard of lately. `missing`: it was not. `lost`: the proxy said that they are gone. */
export type FactGapState = "in-transit" | "missing" | "lost";

export type FactGap = {
  proxyId: string;
  epoch: bigint;
  firstSeq: bigint;
  lastSeq: bigint;
  state: FactGapState;
  reason: string;
  time: Date;
  /** Of calls under way when the epoch was last heard of. */
  openCalls: bigint;
};

/** How long an epoch may be silent before what is missing of it counts as missing and not as on its way. */
const silentMinutesMax = 10;

/** Every part of every sequence that is not in the store: what proxies stated as lost, and the tails that never came. */
export function readFactGaps(sql: Sql, after: readonly string[] | undefined, limit: number): Promise<FactGap[]> {
  const [proxyId = "", epoch = "0", firstSeq = "0"] = after ?? [];
  return sql.query<FactGap>(
    `SELECT * FROM (
       SELECT proxy_id AS "proxyId", epoch, seq AS "firstSeq", last_seq AS "lastSeq", 'lost' AS state, reason, time,
         0::bigint AS "openCalls"
       FROM usage.lost
       UNION ALL
       SELECT counted.proxy_id, counted.epoch, coalesce(cursor.stored, 0) + 1, counted.seq,
         CASE WHEN counted.heard > now() - make_interval(mins => $4) THEN 'in-transit' ELSE 'missing' END,
         '', counted.heard, counted.open
       FROM usage.epoch_count AS counted LEFT JOIN usage.cursor AS cursor USING (proxy_id, epoch)
       WHERE counted.seq > coalesce(cursor.stored, 0)
     ) AS gap WHERE ("proxyId", epoch, "firstSeq") > ($1, $2::bigint, $3::bigint)
     ORDER BY "proxyId", epoch, "firstSeq" LIMIT $5`,
    [proxyId, epoch, firstSeq, silentMinutesMax, limit],
  );
}
