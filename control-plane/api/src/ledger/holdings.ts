// What each proxy has of the ledger, for whoever has to decide whether one is to be written off. Dollars are those of budgets'
// accounts, all together, so that what a call holds of two budgets is counted twice. It is read without a lock, and nothing is
// decided by it.

import type { Sql } from "../database.ts";
import type { Page } from "../graphql/connection.ts";
import { int8Max } from "../usage/batch.ts";
import { ledgerState } from "./freeze.ts";

/** A proxy is heard of each second; one that was not for so long has stopped, or cannot reach us. */
export const connectedSeconds = 10;

export type Holding = {
  readonly proxyId: string;
  readonly isConnected: boolean;
  /** Null: not since the database was restored or recovered. */
  readonly heardAt: Date | null;
  readonly hasRestated: boolean;
  readonly leases: bigint;
  /** By calls, and beside them. */
  readonly held: bigint;
  readonly lent: bigint;
};

/** Proxies that are enrolled, or were lent something that is out still: by their ids, one more than the page takes. */
export async function readHoldings(sql: Sql, page: Page): Promise<Holding[]> {
  const { incarnation, isFrozen } = await ledgerState(sql);
  return sql.query<Holding>(
    `WITH lent AS (
       SELECT proxy_id, count(*) AS leases,
         least(coalesce(sum(open) FILTER (WHERE starts_with(account, 'budget/')), 0), ${int8Max})::bigint AS held,
         least(coalesce(sum(unspent) FILTER (WHERE starts_with(account, 'budget/')), 0), ${int8Max})::bigint AS lent
       FROM ledger.lease WHERE NOT is_closed GROUP BY proxy_id
     ), known AS (
       SELECT id FROM enrolled_proxies_v1.resource WHERE is_live UNION SELECT proxy_id FROM lent
     ), page AS (SELECT id FROM known WHERE id > $1 ORDER BY id LIMIT $2)
     SELECT id AS "proxyId", coalesce(leases, 0) AS leases, coalesce(held, 0) AS held, coalesce(lent, 0) AS lent,
       coalesce(holder.heard_at > now() - make_interval(secs => $3), false) AS "isConnected",
       greatest(holder.heard_at, proxy.reported_at,
         (SELECT max(heard) FROM usage.epoch_count AS counted WHERE counted.proxy_id = page.id)) AS "heardAt",
       NOT $4 OR EXISTS (SELECT FROM ledger.restated WHERE restated.proxy_id = page.id AND incarnation = $5) AS "hasRestated"
     FROM page LEFT JOIN lent ON lent.proxy_id = id LEFT JOIN fleet.holder AS holder ON holder.proxy_id = id
       LEFT JOIN fleet.proxy AS proxy ON proxy.proxy_id = id ORDER BY id`,
    [page.after?.[0] ?? "", page.take + 1, connectedSeconds, isFrozen, incarnation],
  );
}
