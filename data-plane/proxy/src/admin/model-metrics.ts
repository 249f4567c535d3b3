// What Prometheus reads of calls to models. Providers and credentials are an admin's names and few; models, keys and teams are
// in the facts and not here.

import { Counter, Gauge, type Registry } from "prom-client";
import type { CredentialCounts } from "../pipeline/credential-counts.ts";
import { firstByteMsBounds, type ModelCallCounts, type ModelCounts } from "../pipeline/model-counters.ts";

export type ModelMetrics = {
  set(counts: ModelCounts, credentials: CredentialCounts): void;
  /** What workers have put into buckets already, which a metric that observes by itself cannot be told. */
  firstByteText(counts: ModelCounts): string;
};

/** What a provider said longer ago says nothing of now. */
const headroomMsMax = 15 * 60_000;

export function createModelMetrics(registry: Registry, wallMs: () => number = Date.now): ModelMetrics {
  const counter = (name: string, help: string, ...more: string[]) =>
    new Counter({ name, help, labelNames: ["provider", "credential", ...more], registers: [registry] });
  const calls = counter(
    "tollgate_model_calls_total",
    "Calls to models that went to a provider, by outcome and the provider's last status.",
    "outcome",
    "status",
  );
  const unpriced = counter("tollgate_model_calls_unpriced_total", "Calls to models without a known price.");
  const tokens = counter("tollgate_model_tokens_total", "Tokens that calls to models used, by kind.", "kind");
  const cost = counter("tollgate_model_cost_nanodollars_total", "What calls to models cost, in nano-dollars.");
  const givenUp = counter(
    "tollgate_model_attempts_given_up_total",
    "Attempts after which a call went on with another credential, by the status or error that they were given up for.",
    "reason",
  );
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ["provider", "credential", "of"], registers: [registry] });
  const limit = gauge("tollgate_model_rate_limit", "What a provider said that a credential may do.");
  const remaining = gauge("tollgate_model_rate_limit_remaining", "What it said last that is left of that.");

  return {
    set(counts, credentials) {
      for (const metric of [calls, unpriced, tokens, cost, givenUp, limit, remaining]) metric.reset();
      for (const { provider, credential, reason, attempts } of Object.values(credentials.givenUp))
        givenUp.inc({ provider, credential, reason }, attempts);
      for (const { provider, credential, timeMs, ...said } of Object.values(credentials.headroom)) {
        if (timeMs < wallMs() - headroomMsMax) continue;
        for (const what of ["requests", "tokens"] as const) {
          if (said[`${what}Limit`] === 0) continue;
          limit.set({ provider, credential, of: what }, said[`${what}Limit`]);
          remaining.set({ provider, credential, of: what }, said[`${what}Remaining`]);
        }
      }
      for (const { provider, credential, outcome, status, ...one } of Object.values(counts)) {
        const whose = { provider, credential };
        calls.inc({ ...whose, outcome, status: String(status) }, one.calls);
        unpriced.inc(whose, one.unpriced);
        tokens.inc({ ...whose, kind: "input" }, one.inputTokens);
        tokens.inc({ ...whose, kind: "cache-read" }, one.cacheReadTokens);
        tokens.inc({ ...whose, kind: "cache-write" }, one.cacheWriteTokens);
        tokens.inc({ ...whose, kind: "output" }, one.outputTokens);
        cost.inc(whose, Number(one.costNanoUsd));
      }
    },
    firstByteText,
  };
}

const firstByteName = "tollgate_model_first_byte_seconds";

function firstByteText(counts: ModelCounts): string {
  const byProvider = Map.groupBy(Object.values(counts), ({ provider }) => provider);
  const lines = [...byProvider].flatMap(([provider, all]) => bucketLines(provider, all));
  const head = [
    `# HELP ${firstByteName} From the call to the first byte of the provider's answer.`,
    `# TYPE ${firstByteName} histogram`,
  ];
  return [...head, ...lines, ""].join("\n");
}

function bucketLines(provider: string, all: readonly ModelCallCounts[]): string[] {
  const label = `provider=${JSON.stringify(provider)}`;
  let soFar = 0;
  const buckets = [...firstByteMsBounds, Number.POSITIVE_INFINITY].map((bound, at) => {
    for (const { firstBytes } of all) soFar += firstBytes[at] ?? 0;
    const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : String(bound / 1_000);
    return `${firstByteName}_bucket{${label},le="${le}"} ${soFar}`;
  });
  const sumMs = all.reduce((sum, { firstByteMsSum }) => sum + firstByteMsSum, 0);
  return [...buckets, `${firstByteName}_sum{${label}} ${sumMs / 1_000}`, `${firstByteName}_count{${label}} ${soFar}`];
}
