// What proxies saw of servers as the API shows it.

import type { CatalogueEntry, CatalogueKind, Era, ServerHealth, ServerListing, ServerState } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import type { EntryRow, HealthRow, ListingRow } from "./entries.ts";
import type { kinds, states } from "./seen-bounds.ts";

const statesToApi = {
  unknown: "UNKNOWN",
  connected: "CONNECTED",
  degraded: "DEGRADED",
  unreachable: "UNREACHABLE",
  "needs-auth": "NEEDS_AUTH",
  refused: "REFUSED",
} as const satisfies Record<(typeof states)[keyof typeof states], ServerState>;

export const kindsFromApi = {
  TOOL: "tool",
  PROMPT: "prompt",
  RESOURCE: "resource",
  RESOURCE_TEMPLATE: "resource-template",
} as const satisfies Record<CatalogueKind, (typeof kinds)[keyof typeof kinds]>;

export function healthToApi({ state, era, ...row }: HealthRow): ServerHealth {
  const { proxyId, reason, since, protocolVersion, reportedAt } = row;
  const known: Readonly<Record<string, ServerState>> = statesToApi;
  return { proxyId, reason, since, protocolVersion, reportedAt, era: eraToApi(era), state: known[state] ?? "UNKNOWN" };
}

export function listingToApi({ changedAt, era, ...row }: ListingRow): ServerListing {
  const { listedAt, protocolVersion, name, version, instructions } = row;
  return { listedAt, lastChange: changedAt, era: eraToApi(era), protocolVersion, name, version, instructions };
}

function eraToApi(era: string): Era | null {
  if (era === "legacy") return "LEGACY";
  return era === "modern" ? "MODERN" : null;
}

export function entryToApi(kind: CatalogueKind) {
  return ({ name, sha256, firstSeen, changedAt, previous, hidden, ...row }: EntryRow): Resolved<CatalogueEntry> => {
    const { approved, approvedAt, approvedBy } = row;
    const isThere = approved !== null && approvedAt !== null && approvedBy !== null;
    return {
      ...{ kind, name, firstSeen, changedAt, sha256: hex(sha256), previousSha256: previous && hex(previous) },
      isApproved: approved !== null && Buffer.from(approved).equals(sha256),
      approval: isThere ? { sha256: hex(approved), approvedAt, approvedBy } : null,
      hidden: hidden ?? [],
    };
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
