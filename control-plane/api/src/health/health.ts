// Whether the control plane is alive and ready, and its metrics, as answers without a server. Ready means: it can reach the
// database and no projection has stopped. What a single proxy says is no part of it, or one that was stolen could take every
// control plane out of its balancer. What it waits for is named, so that a probe's log explains itself.

import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import { countHealth } from "../catalogue/entries.ts";
import type { Database } from "../database.ts";
import type { LedgerLoad } from "../ledger/ledger-service.ts";
import { readOverspend } from "../ledger/usage.ts";
import { head } from "../log/read.ts";
import type { Projections } from "../projections/runner.ts";
import type { RefusedBatches } from "../usage/refused-batches.ts";
import type { Relay } from "../relay/relay.ts";
import type { Evidence } from "../sync/evidence.ts";
import { readTotals } from "../sync/fleet.ts";

export type HealthParts = {
  database: Database;
  projections: Projections;
  relay: Relay | undefined;
  refusedBatches: Pick<RefusedBatches, "byCode">;
  /** Calls and connections that were refused at the doors for proxies. */
  grpcRefusals?: () => ReadonlyMap<string, number>;
  evidence: Pick<Evidence, "count">;
  ledgerLoad?: Readonly<LedgerLoad>;
};

export type Health = {
  /** Sentences; none when it is ready. */
  waitsFor(): Promise<string[]>;
  /** Not ready from now on. */
  leave(): void;
  metrics(): Promise<{ contentType: string; text: string }>;
};

export function createHealth(parts: HealthParts): Health {
  const { database, projections, relay, refusedBatches, grpcRefusals, evidence, ledgerLoad } = parts;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => Promise<void> | void) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        return collect(this);
      },
    });
  const counter = (name: string, help: string, labelNames: string[], collect: (counter: Counter) => void) =>
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      // It is counted elsewhere, and never goes down.
      collect() {
        this.reset();
        collect(this);
      },
    });
  gauge("tollgate_log_position", "The newest position of the event log.", [], async (of) => {
    of.set(Number((await head(database.sql)).position));
  });
  gauge("tollgate_projection_position", "What a projection has applied.", ["projection"], (of) => {
    for (const { name, position } of projections.status()) of.set({ projection: name }, Number(position));
  });
  gauge("tollgate_projection_stopped", "1 where a projection has stopped at an event.", ["projection"], (of) => {
    for (const { name, failed } of projections.status()) of.set({ projection: name }, failed ? 1 : 0);
  });
  gauge("tollgate_fact_batches_refused", "Batches of facts that were refused, by code.", ["code"], (of) => {
    for (const [code, count] of refusedBatches.byCode()) of.set({ code }, count);
  });
  counter(
    "tollgate_grpc_refused_total",
    "What proxies, or those who say they are, were refused over gRPC, by error code.",
    ["code"],
    (of) => {
      for (const [code, count] of grpcRefusals?.() ?? []) of.inc({ code }, count);
    },
  );
  counter("tollgate_ledger_exchanges_total", "Requests of proxies about what they are lent.", [], (of) => {
    of.inc(ledgerLoad?.exchanges ?? 0);
  });
  counter("tollgate_ledger_statements_total", "Leases that proxies spoke of in them.", [], (of) => {
    of.inc(ledgerLoad?.statements ?? 0);
  });
  gauge("tollgate_fleet_proxies", "Proxies that report.", [], async (of) => {
    of.set(Number((await readTotals(database.sql)).proxies));
  });
  gauge(
    "tollgate_fleet_refused_scopes",
    "Scopes that proxies refuse, because they cannot enforce them.",
    [],
    async (of) => {
      of.set(Number((await readTotals(database.sql)).refusedScopes));
    },
  );
  gauge("tollgate_server_health", "Servers as proxies see them: each proxy's word of each.", ["state"], async (of) => {
    for (const { state, count } of await countHealth(database.sql)) of.set({ state }, Number(count));
  });
  gauge("tollgate_log_behind_total", "Times that a proxy had applied what this log does not have.", [], (of) => {
    of.set(evidence.count());
  });
  gauge(
    "tollgate_budget_overspend_nanodollars",
    "What calls cost beyond what hard budgets promise. It has to stay 0.",
    [],
    async (of) => of.set(Number(await readOverspend(database.sql))),
  );
  if (relay) {
    gauge("tollgate_relay_leading", "1 where this process carries the log to Kafka.", [], (of) => {
      of.set(relay.status().isLeading ? 1 : 0);
    });
    gauge("tollgate_relay_position", "What this process has carried to Kafka.", [], (of) => {
      of.set(Number(relay.status().position));
    });
  }
  let isLeaving = false;
  return {
    leave: () => void (isLeaving = true),
    async waitsFor() {
      if (isLeaving) return ["nothing any more: it stops"];
      const stopped = projections.status().flatMap(({ name, failed }) =>
        // The reason may quote data; it is in the log.
        failed ? [`projection ${name} has stopped at ${failed.position}`] : [],
      );
      const reachable = await database.sql.query("SELECT 1").then(
        () => [],
        () => ["the database cannot be reached"],
      );
      return [...stopped, ...reachable];
    },
    metrics: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
