// What the live proxies can enforce, asked before an event goes into the log: one that a proxy does not know makes it refuse
// the resource, which is safe and rarely meant. Proxies are rolled before what needs them is used; whoever knows better
// forces it. What leaves needs nothing that a proxy could lack, so a revocation is never held up.

import { fromBinary } from "@bufbuild/protobuf";
import { resourceBytes, resourceTypes, typeNamed } from "@tollgate/kernel/catalogue";
import { TollgateError } from "@tollgate/kernel/errors";
import type { LoggedEvent } from "@tollgate/schema/events";
import type { Sql } from "../database.ts";

/** Proxies report each second; one that was not heard of for so long is gone, or will be told by its NACK. */
const liveSeconds = 10;

/** What a proxy knows that does not say what it knows: it is from before proxies said so, and knows no more than was there. */
const unsaid = {
  eventTypes: [
    "tollgate.v1.TeamCreated",
    "tollgate.v1.KeyIssued",
    "tollgate.v1.KeyChanged",
    "tollgate.v1.KeyRotated",
    "tollgate.v1.ServerRegistered",
    "tollgate.v1.ServerChanged",
    "tollgate.v1.SecretStored",
  ],
  features: [],
};

export async function mustBeEnforceable(sql: Sql, events: readonly LoggedEvent[]): Promise<void> {
  const needs = needsOf(events);
  if (needs.types.length === 0) return;
  const [lacking] = await sql.query<{ proxyId: string; software: string; missing: string }>(
    `SELECT proxy_id AS "proxyId", software, missing.name AS missing FROM fleet.proxy
     CROSS JOIN LATERAL (SELECT coalesce(knows, $4::jsonb) AS here) AS known
     CROSS JOIN LATERAL (
       SELECT name FROM unnest($2::text[]) AS name WHERE NOT here -> 'eventTypes' ? name
       UNION ALL
       SELECT name FROM unnest($3::text[]) AS name WHERE NOT here -> 'features' ? name
     ) AS missing
     WHERE reported_at > now() - make_interval(secs => $1) LIMIT 1`,
    [liveSeconds, needs.types, needs.features, JSON.stringify(unsaid)],
  );
  if (lacking)
    throw new TollgateError(
      "fleet.cannot-enforce",
      `Proxy ${lacking.proxyId} (${lacking.software}): ${lacking.missing}.`,
    );
}

function needsOf(events: readonly LoggedEvent[]): { types: string[]; features: string[] } {
  const types = new Set<string>();
  const features = new Set<string>();
  for (const { type, body } of events) {
    const { replicated, removes, kind } = typeNamed(type);
    if (!replicated || removes) continue;
    types.add(type);
    const desc = resourceTypes.get(kind)?.desc;
    const resource = desc && fromBinary(desc, resourceBytes(body));
    if (resource && "requires" in resource && Array.isArray(resource.requires))
      for (const name of resource.requires) features.add(String(name));
  }
  return { types: [...types], features: [...features] };
}
