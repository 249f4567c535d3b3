// What is known of the proxies: the last report of each, one row a proxy, overwritten. A proxy that has not been heard of
// for a day is forgotten: it is no longer shown, and its row goes when another proxy comes, because rows become more then
// and at no other time. Reading is for screens; nothing is decided by it.

import type { ReportRequest } from "@tollgate/schema/sync";
import type { Sql } from "../database.ts";

export type ReportedProxy = {
  proxyId: string;
  environment: string;
  region: string;
  software: string;
  source: string;
  logId: string;
  logIncarnation: number;
  applied: bigint;
  ageMs: bigint | null;
  digests: readonly { kind: string; resources: string; digest: string }[];
  workers: number;
  /** What it cannot enforce and refuses: the first of them, and how many there are. */
  nacks: readonly { scope: string; position: string; reason: string }[];
  nackCount: bigint;
  reportedAt: Date;
  /** Within the last minute another process wanted its id. */
  isContested: boolean;
};

const rememberedHours = 24;
const nacksMax = 100;
const reasonCharsMax = 500;
/** Proxies report each second. */
const liveSeconds = 10;

export async function storeReport(sql: Sql, report: ReportRequest): Promise<void> {
  const digests = report.digests.map(({ kind, resources, digest }) => {
    return { kind, resources: resources.toString(), digest: Buffer.from(digest).toString("hex") };
  });
  const nacks = report.nacks.slice(0, nacksMax).map(({ scope, position, reason }) => {
    return { scope, position: position.toString(), reason: reason.slice(0, reasonCharsMax).toWellFormed() };
  });
  const knows = report.knows && { eventTypes: report.knows.eventTypes, features: report.knows.features };
  // Only a row that was updated names the transaction that did it.
  const [row] = await sql.query<{ isNew: boolean }>(
    `INSERT INTO fleet.proxy (proxy_id, environment, region, software, source, log_id, log_incarnation, applied, age_ms,
       digests, workers, nacks, nack_count, knows, reported_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11, $12::jsonb, $13, $14::jsonb, now())
     ON CONFLICT (proxy_id) DO UPDATE SET environment = excluded.environment, region = excluded.region,
       software = excluded.software, source = excluded.source, log_id = excluded.log_id,
       log_incarnation = excluded.log_incarnation, applied = excluded.applied, age_ms = excluded.age_ms,
       digests = excluded.digests, workers = excluded.workers, nacks = excluded.nacks,
       nack_count = excluded.nack_count, knows = excluded.knows, reported_at = excluded.reported_at
     RETURNING xmax = 0 AS "isNew"`,
    [
      ...[report.proxyId, report.environment, report.region, report.software, report.source],
      ...[report.log?.id ?? "", report.log?.incarnation ?? 0, report.applied, report.ageMs ?? null],
      ...[JSON.stringify(digests), report.workers],
      ...[JSON.stringify(nacks), report.nackCount, knows === undefined ? null : JSON.stringify(knows)],
    ],
  );
  if (row?.isNew === true)
    await sql.query("DELETE FROM fleet.proxy WHERE reported_at <= now() - make_interval(hours => $1)", [
      rememberedHours,
    ]);
}

export async function readFleet(sql: Sql): Promise<ReportedProxy[]> {
  return sql.query<ReportedProxy>(
    `SELECT proxy_id AS "proxyId", environment, region, software, source, log_id AS "logId",
       log_incarnation AS "logIncarnation", applied, age_ms AS "ageMs", digests, workers, nacks, nack_count AS "nackCount",
       reported_at AS "reportedAt", coalesce(contested_at > now() - interval '1 minute', false) AS "isContested"
     FROM fleet.proxy LEFT JOIN fleet.holder USING (proxy_id) WHERE reported_at > now() - make_interval(hours => $1) ORDER BY environment, region, proxy_id`,
    [rememberedHours],
  );
}

export type FleetTotals = { proxies: bigint; refusedScopes: bigint };

/** Of the proxies that are heard of now. */
export async function readTotals(sql: Sql): Promise<FleetTotals> {
  const [row] = await sql.query<FleetTotals>(
    `SELECT count(*) AS proxies, coalesce(sum(nack_count), 0)::bigint AS "refusedScopes"
     FROM fleet.proxy WHERE reported_at > now() - make_interval(secs => $1)`,
    [liveSeconds],
  );
  return row ?? { proxies: 0n, refusedScopes: 0n };
}
