// What Prometheus reads of a proxy. Workers count plain numbers; here they are summed when somebody asks, so that a metric
// costs a call nothing but an increment. Labels are outcomes, codes and an admin's names of providers, which are few; never a
// key, a team, a tool or a model.

import { Counter, Gauge, Registry } from "prom-client";
import type { CacheCounts } from "../cache/restart-cache.ts";
import type { WorkerTotals } from "../worker-totals.ts";
import { createModelMetrics } from "./model-metrics.ts";

export type MetricsParts = {
  totals: () => Promise<WorkerTotals>;
  workersListening: () => number;
  serversByState: () => Readonly<Record<string, number>>;
  replicaPosition: () => bigint | undefined;
  replicaAgeMs: () => number | undefined;
  /** What was found in the events topic and not taken, by reason. */
  eventsRefused: () => Readonly<Record<string, number>>;
  /** How many scopes refuse because they cannot be enforced. */
  refusedScopes: () => number;
  spoolBytes: () => number;
  cache: () => CacheCounts;
};

export type Metrics = { contentType: string; text(): Promise<string> };

export function createMetrics(parts: MetricsParts): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });

  const calls = counter("tollgate_calls_total", "Tool calls that went to a server, by outcome.", "outcome");
  const refusals = counter("tollgate_refusals_total", "Requests refused by the gate, by error code.", "code");
  const servers = new Gauge({
    name: "tollgate_servers",
    help: "MCP servers by the state of their health.",
    labelNames: ["state"],
    registers,
  });
  const sessions = gauge("tollgate_mcp_sessions", "Sessions of legacy clients.");
  const streams = gauge("tollgate_mcp_streams", "Open streams of clients.");
  const parked = gauge("tollgate_mcp_parked_calls", "Calls that wait for what their clients were asked.");
  const handles = counter("tollgate_handle_refusals_total", "Sealed handles that did not open, by reason.", "reason");
  const strangers = counter(
    "tollgate_internal_refused_total",
    "Connections to the internal port that were refused at the handshake, by reason.",
    "reason",
  );
  const factsLost = counter("tollgate_facts_lost_total", "Facts that the disk refused.");
  const eventsRefused = counter(
    "tollgate_events_refused_total",
    "Records of the events topic that were not written by our relay, by reason.",
    "reason",
  );
  const workers = gauge("tollgate_workers", "Worker processes that serve.");
  const position = gauge("tollgate_replica_position", "The log position that the least worker has applied.");
  const age = gauge("tollgate_replica_age_seconds", "How old the view may be.");
  const refusedScopes = gauge("tollgate_refused_scopes", "Scopes that refuse because they cannot be enforced here.");
  const spool = gauge("tollgate_spool_bytes", "Bytes of facts on disk.");
  const cacheBytes = gauge("tollgate_cache_bytes", "Bytes of what is kept on disk for a restart.");
  const models = createModelMetrics(registry);
  const cacheFailures = counter("tollgate_cache_failures_total", "Failures of the cache on disk, by reason.", "reason");

  return {
    contentType: registry.contentType,
    async text() {
      const { counts, factsLost: lost, open } = await parts.totals();
      for (const metric of [calls, refusals, handles, strangers, factsLost, cacheFailures, eventsRefused])
        metric.reset();
      for (const [outcome, count] of Object.entries(counts.callsByOutcome)) calls.inc({ outcome }, count);
      for (const [code, count] of Object.entries(counts.refusalsByCode)) refusals.inc({ code }, count);
      for (const [reason, count] of Object.entries(counts.handleRefusalsByReason)) handles.inc({ reason }, count);
      for (const [reason, count] of Object.entries(counts.strangersByReason)) strangers.inc({ reason }, count);
      models.set(counts.modelCalls, counts.credentials);
      factsLost.inc(Number(lost));
      for (const [reason, count] of Object.entries(parts.eventsRefused())) eventsRefused.inc({ reason }, count);
      servers.reset();
      for (const [state, count] of Object.entries(parts.serversByState())) servers.set({ state }, count);
      sessions.set(open.sessions);
      streams.set(open.streams);
      parked.set(open.parked);
      workers.set(parts.workersListening());
      position.set(Number(parts.replicaPosition() ?? 0n));
      age.set((parts.replicaAgeMs() ?? Number.NaN) / 1_000);
      refusedScopes.set(parts.refusedScopes());
      spool.set(parts.spoolBytes());
      const cache = parts.cache();
      cacheBytes.set(cache.bytes);
      for (const [reason, count] of Object.entries(cache.failuresByReason)) cacheFailures.inc({ reason }, count);
      return (await registry.metrics()) + models.firstByteText(counts.modelCalls);
    },
  };
}
