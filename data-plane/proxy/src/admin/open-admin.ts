// The admin port with all that it shows: what the parts of a running primary say of themselves.

import { createAdminServer } from "./admin-server.ts";
import { createMetrics } from "./metrics.ts";
import { spoolBytes } from "./spool-size.ts";
import type { RestartCache } from "../cache/restart-cache.ts";
import type { Config } from "../config.ts";
import type { ProxyIdentity } from "../facts/epochs.ts";
import type { Shipper } from "../facts/shipper.ts";
import type { Refusals } from "../feed/refusals.ts";
import type { ReplicaHolder } from "../feed/replica-holder.ts";
import { listen } from "../listen.ts";
import type { Catalogue } from "../mcp/catalogue/catalogue.ts";
import type { Log } from "../log-output.ts";
import { knownOf, type Readiness } from "../readiness.ts";
import type { Workers } from "../workers.ts";

export type AdminParts = {
  config: Config;
  log: Log;
  identity: ProxyIdentity;
  replica: ReplicaHolder;
  workers: Workers;
  shipper: Shipper;
  readiness: Readiness;
  cache: RestartCache;
  eventsRefused: () => Readonly<Record<string, number>>;
  refusals: () => Refusals;
  catalogues: () => readonly Catalogue[];
};

/** Rejects with `PortProblem` where the port cannot be had. */
export async function openAdmin(parts: AdminParts): Promise<void> {
  const { config, log, identity, replica, workers, shipper, readiness, cache, eventsRefused, refusals, catalogues } =
    parts;
  const replicaAgeMs = replica.ageMs;
  const metrics = createMetrics({
    totals: workers.totals,
    workersListening: workers.listening,
    serversByState: () => countBy(catalogues().map(({ health }) => health.state)),
    replicaPosition: workers.applied,
    replicaAgeMs,
    eventsRefused,
    refusedScopes: () => refusals().count,
    spoolBytes: () => spoolBytes(identity.spoolDirectory),
    cache: cache.counts,
  });
  const status = () => ({
    proxyId: identity.proxyId,
    workersApplied: workers.applied()?.toString() ?? null,
    ageMs: replicaAgeMs() ?? null,
    factsBy: shipper.sinkName(),
    refusedScopeCount: refusals().count,
    refusedScopes: Object.fromEntries(refusals().first.map(({ scope, reason }) => [scope, reason])),
  });
  const admin = createAdminServer({
    origins: config,
    waitsFor: readiness.waitsFor,
    known: () => knownOf(replica, config),
    view: replica.view,
    status,
    metrics,
    log,
  });
  readiness.adminOpened(await listen(admin, config.host, config.adminPort));
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
