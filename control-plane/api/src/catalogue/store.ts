// What proxies saw of servers, written: the last word of each proxy, the latest listing of each server, and definitions by their
// hashes. What is told again changes no row but the time of the word itself, so a fleet that agrees causes no changes; of
// listings that differ the latest holds. Only of servers that there are.

import { createHash } from "node:crypto";
import { limits } from "@tollgate/kernel/limits";
import { canonicalDefinition, hiddenCharacters } from "@tollgate/kernel/tool-definition";
import type { Sql } from "../database.ts";
import type { SeenServer } from "./seen-bounds.ts";

/** A name row is there exactly as long as its server. */
const isLive = (serverId: string): string =>
  `EXISTS (SELECT 1 FROM log.name WHERE kind = 'server' AND stream = 'server/' || ${serverId})`;

export async function liveServers(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await sql.query<{ id: string }>(`SELECT id FROM unnest($1::text[]) AS id WHERE ${isLive("id")}`, [
    [...ids],
  ]);
  return new Set(rows.map(({ id }) => id));
}

export async function storeHealth(sql: Sql, proxyId: string, servers: readonly SeenServer[]): Promise<void> {
  const rows = servers.map(({ serverId, state, reason, since, era, protocolVersion }) => {
    return { server_id: serverId, state, reason, since, era, protocol_version: protocolVersion };
  });
  await sql.query(
    `INSERT INTO catalogue.health (proxy_id, server_id, state, reason, since, era, protocol_version, reported_at)
     SELECT $1, server_id, state, reason, since, era, protocol_version, now() FROM jsonb_to_recordset($2::jsonb)
       AS seen (server_id text, state text, reason text, since timestamptz, era text, protocol_version text)
     ON CONFLICT (server_id, proxy_id) DO UPDATE SET state = excluded.state, reason = excluded.reason,
       since = excluded.since, era = excluded.era, protocol_version = excluded.protocol_version,
       reported_at = excluded.reported_at`,
    [proxyId, JSON.stringify(rows)],
  );
}

/** In a transaction. A listing that is not later than the one that is there is passed over. */
export async function storeListing(sql: Sql, proxyId: string, server: SeenServer): Promise<void> {
  const { serverId, listing, era, protocolVersion, name, version, instructions } = server;
  if (!listing) return;
  const { listedAt, entries } = listing;
  // The row is the lock of the entries: whoever comes second compares with what the first has left.
  const [taken] = await sql.query(
    `INSERT INTO catalogue.listing AS is_there
       (server_id, listed_at, listed_by, changed_at, era, protocol_version, name, version, instructions)
     VALUES ($1, $2, $3, $2, $4, $5, $6, $7, $8)
     ON CONFLICT (server_id) DO UPDATE SET listed_at = excluded.listed_at, listed_by = excluded.listed_by,
       era = excluded.era, protocol_version = excluded.protocol_version, name = excluded.name,
       version = excluded.version, instructions = excluded.instructions
     WHERE is_there.listed_at < excluded.listed_at
     RETURNING 1`,
    [serverId, listedAt, proxyId, era, protocolVersion, name, version, instructions],
  );
  if (!taken) return;
  const [changed] = await sql.query<{ count: bigint }>(
    `WITH seen AS (
       SELECT kind, name, decode(sha256, 'hex') AS sha256
       FROM unnest($2::text[], $3::text[], $4::text[]) AS seen (kind, name, sha256)
     ), come AS (
       INSERT INTO catalogue.entry AS former (server_id, kind, name, sha256, first_seen, changed_at)
       SELECT $1, kind, name, sha256, $5, $5 FROM seen
       ON CONFLICT (server_id, kind, name) DO UPDATE SET sha256 = excluded.sha256, gone_at = NULL,
         previous = CASE WHEN former.sha256 = excluded.sha256 THEN former.previous ELSE former.sha256 END,
         changed_at = CASE WHEN former.sha256 = excluded.sha256 THEN former.changed_at ELSE excluded.changed_at END
       WHERE former.sha256 <> excluded.sha256 OR former.gone_at IS NOT NULL
       RETURNING 1
     ), gone AS (
       UPDATE catalogue.entry AS entry SET gone_at = $5
       WHERE server_id = $1 AND gone_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM seen WHERE (seen.kind, seen.name) = (entry.kind, entry.name))
       RETURNING 1
     ) SELECT (SELECT count(*) FROM come) + (SELECT count(*) FROM gone) AS count`,
    [
      ...[serverId, entries.map(({ kind }) => kind), entries.map((entry) => entry.name)],
      ...[entries.map(({ sha256 }) => Buffer.from(sha256).toString("hex")), listedAt],
    ],
  );
  if (!changed || changed.count === 0n) return;
  await sql.query("UPDATE catalogue.listing SET changed_at = $2 WHERE server_id = $1", [serverId, listedAt]);
  // A server that calls its tools otherwise each time must not fill the table.
  await sql.query(
    `DELETE FROM catalogue.entry WHERE server_id = $1 AND (kind, name) IN (
       SELECT kind, name FROM catalogue.entry WHERE server_id = $1 AND gone_at IS NOT NULL
       ORDER BY gone_at DESC OFFSET ${limits.catalogueEntriesMax})`,
    [serverId],
  );
}

/** Those that something refers to; what is no definition, too large or asked for by nobody is passed over. */
export async function storeDefinitions(sql: Sql, bodies: readonly Uint8Array[]): Promise<void> {
  for (const body of bodies) {
    if (body.length > limits.definitionBytesMax) continue;
    const text = Buffer.from(body).toString("utf8");
    const canonical = canonicalDefinition(text);
    if (canonical === undefined || text.includes("\0")) continue;
    await sql.query(
      `INSERT INTO catalogue.definition (sha256, text, hidden) SELECT $1, $2, $3::jsonb
       WHERE EXISTS (SELECT 1 FROM catalogue.entry WHERE sha256 = $1 OR previous = $1)
       ON CONFLICT (sha256) DO NOTHING`,
      [definitionHash(canonical), text, JSON.stringify(hiddenCharacters(text))],
    );
  }
}

export function definitionHash(canonical: string): Uint8Array {
  return createHash("sha256").update(canonical).digest();
}

export type Wanted = { definitions: Uint8Array[]; listings: string[] };

const wantedMax = 200;

/** What of these servers is not there. */
export async function wantedOf(sql: Sql, serverIds: readonly string[]): Promise<Wanted> {
  const definitions = await sql.query<{ sha256: Uint8Array }>(
    `SELECT DISTINCT sha256 FROM catalogue.entry
     WHERE server_id = ANY ($1::text[]) AND gone_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM catalogue.definition WHERE definition.sha256 = entry.sha256)
     LIMIT ${wantedMax}`,
    [[...serverIds]],
  );
  const listings = await sql.query<{ id: string }>(
    `SELECT id FROM unnest($1::text[]) AS id
     WHERE NOT EXISTS (SELECT 1 FROM catalogue.listing WHERE server_id = id)`,
    [[...serverIds]],
  );
  return { definitions: definitions.map(({ sha256 }) => sha256), listings: listings.map(({ id }) => id) };
}

const healthHours = 24;
const goneDays = 30;

/** What was retired, was not heard of for a day, or has been gone for a month; and definitions that nothing refers to. */
export async function forgetUnseen(sql: Sql, approvals: string): Promise<void> {
  for (const table of ["health", "listing", "entry"])
    await sql.query(`DELETE FROM catalogue.${table} WHERE NOT ${isLive("server_id")}`);
  await sql.query(`DELETE FROM catalogue.health WHERE reported_at < now() - make_interval(hours => ${healthHours})`);
  await sql.query(`DELETE FROM catalogue.entry WHERE gone_at < now() - make_interval(days => ${goneDays})`);
  await sql.query(
    `DELETE FROM catalogue.definition WHERE stored_at < now() - interval '1 hour'
       AND NOT EXISTS (SELECT 1 FROM catalogue.entry
         WHERE entry.sha256 = definition.sha256 OR entry.previous = definition.sha256)
       AND NOT EXISTS (SELECT 1 FROM ${approvals} AS approval WHERE approval.sha256 = definition.sha256)`,
  );
}
