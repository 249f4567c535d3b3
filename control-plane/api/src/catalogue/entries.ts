// What proxies saw of servers, read for screens: pages of entries for many servers at once with one query, health and listings
// by server, definitions by hash. What a proxy has not said for some minutes is shown as unknown and not as it was.

import type { Sql } from "../database.ts";
import { approvalTable } from "../servers/server.projection.ts";

export type HealthRow = {
  serverId: string;
  proxyId: string;
  state: string;
  reason: string;
  since: Date;
  era: string;
  protocolVersion: string;
  reportedAt: Date;
};

export type ListingRow = {
  serverId: string;
  listedAt: Date;
  changedAt: Date;
  era: string;
  protocolVersion: string;
  name: string;
  version: string;
  instructions: string;
};

export type EntryRow = {
  serverId: string;
  kind: string;
  name: string;
  sha256: Uint8Array;
  firstSeen: Date;
  changedAt: Date;
  previous: Uint8Array | null;
  hidden: readonly { path: string; codePoints: number[] }[] | null;
  approved: Uint8Array | null;
  approvedAt: Date | null;
  approvedBy: string | null;
};

export type EntryWish = {
  serverId: string;
  kind: string;
  /** Only what is not approved as it is. */
  isPending: boolean;
  take: number;
  /** A name; null for the first page. */
  after: string | null;
};

const heardMinutes = 5;
/** Of each server. */
const proxiesMax = 100;

export async function readHealth(sql: Sql, serverIds: readonly string[]): Promise<ReadonlyMap<string, HealthRow[]>> {
  const rows = await sql.query<HealthRow>(
    `SELECT server_id AS "serverId", proxy_id AS "proxyId", since, era, protocol_version AS "protocolVersion",
       reported_at AS "reportedAt", CASE WHEN is_heard THEN state ELSE 'unknown' END AS state,
       CASE WHEN is_heard THEN reason ELSE '' END AS reason
     FROM unnest($1::text[]) AS wanted (id) CROSS JOIN LATERAL (
       SELECT *, reported_at > now() - make_interval(mins => $2) AS is_heard FROM catalogue.health
       WHERE server_id = wanted.id ORDER BY proxy_id LIMIT $3) AS health`,
    [[...serverIds], heardMinutes, proxiesMax],
  );
  return Map.groupBy(rows, ({ serverId }) => serverId);
}

/** How many words of proxies there are of each state, of those that are heard of. */
export async function countHealth(sql: Sql): Promise<{ state: string; count: bigint }[]> {
  return sql.query(
    `SELECT state, count(*) FROM catalogue.health
     WHERE reported_at > now() - make_interval(mins => ${heardMinutes}) GROUP BY state`,
  );
}

export async function readListings(sql: Sql, serverIds: readonly string[]): Promise<ReadonlyMap<string, ListingRow>> {
  const rows = await sql.query<ListingRow>(
    `SELECT server_id AS "serverId", listed_at AS "listedAt", changed_at AS "changedAt", era,
       protocol_version AS "protocolVersion", name, version, instructions
     FROM catalogue.listing WHERE server_id = ANY ($1::text[])`,
    [[...serverIds]],
  );
  return new Map(rows.map((row) => [row.serverId, row]));
}

/** A page for each wish, in their order, with one row more than it takes where there is one. */
export async function readEntries(sql: Sql, wishes: readonly EntryWish[]): Promise<EntryRow[][]> {
  const column = <Field extends keyof EntryWish>(field: Field) => wishes.map((wish) => wish[field]);
  const rows = await sql.query<EntryRow & { n: bigint }>(
    `SELECT wish.n, page.* FROM unnest($1::text[], $2::text[], $3::boolean[], $4::int[], $5::text[])
       WITH ORDINALITY AS wish (server_id, kind, is_pending, take, after, n)
     CROSS JOIN LATERAL (
       SELECT entry.server_id AS "serverId", entry.kind, entry.name, entry.sha256, entry.first_seen AS "firstSeen",
         entry.changed_at AS "changedAt", entry.previous, definition.hidden, approval.sha256 AS approved,
         approval.approved_at AS "approvedAt", approval.approved_by AS "approvedBy"
       FROM catalogue.entry
       LEFT JOIN catalogue.definition ON definition.sha256 = entry.sha256
       LEFT JOIN ${approvalTable} AS approval
         ON entry.kind = 'tool' AND approval.server_id = entry.server_id AND approval.name = entry.name
       WHERE entry.server_id = wish.server_id AND entry.kind = wish.kind AND entry.gone_at IS NULL
         AND (wish.after IS NULL OR entry.name > wish.after)
         AND NOT (wish.is_pending AND approval.sha256 IS NOT DISTINCT FROM entry.sha256)
       ORDER BY entry.name LIMIT wish.take + 1
     ) AS page ORDER BY wish.n, page.name`,
    [column("serverId"), column("kind"), column("isPending"), column("take"), column("after")],
  );
  const byWish = Map.groupBy(rows, ({ n }) => Number(n));
  return wishes.map((_, index) => byWish.get(index + 1) ?? []);
}

/** By hash in hexadecimal. */
export async function readDefinitions(sql: Sql, hashes: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.query<{ hash: string; text: string }>(
    `SELECT encode(sha256, 'hex') AS hash, text FROM catalogue.definition
     WHERE sha256 IN (SELECT decode(hash, 'hex') FROM unnest($1::text[]) AS hash)`,
    [[...hashes]],
  );
  return new Map(rows.map(({ hash, text }) => [hash, text]));
}
