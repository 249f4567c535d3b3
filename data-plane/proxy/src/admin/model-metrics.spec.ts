// An operator sees a provider's trouble here before anybody's agent does, or not at all: which credential is refused although
// its calls succeed with another, how much is left of its limits, and how long a first byte takes. What several workers
// counted is told as one.

import { nothingUsed } from "@tollgate/kernel/pricing";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { addCounts, createCounters, emptyCounts } from "../pipeline/counters.ts";
import { credentialSeriesMax, type CountedAttempts } from "../pipeline/credential-counts.ts";
import type { CountedModelCall } from "../pipeline/model-counters.ts";
import { noHeadroom } from "../pipeline/model-record.ts";
import { createModelMetrics } from "./model-metrics.ts";

const nowMs = 10_000_000;

function call(more: Partial<CountedModelCall & CountedAttempts> = {}): CountedModelCall & CountedAttempts {
  return {
    ...{ provider: "claude", credential: "first", outcome: "answered", status: 200, firstByteMs: 70, timeMs: nowMs },
    settlement: { basis: "exact", usage: { ...nothingUsed, inputTokens: 10 }, costNanoUsd: 30n, priceVersion: "v" },
    ...{ headroom: noHeadroom, failedAttempts: [], ...more },
  };
}

/** As a reader of the metrics gets it, of workers that counted these. */
async function linesOf(...workers: (CountedModelCall & CountedAttempts)[][]): Promise<string[]> {
  const sum = emptyCounts();
  for (const calls of workers) {
    const counters = createCounters();
    for (const one of calls) counters.modelCompleted(one);
    addCounts(sum, counters.snapshot());
  }
  const registry = new Registry();
  const metrics = createModelMetrics(registry, () => nowMs);
  metrics.set(sum.modelCalls, sum.credentials);
  const text = (await registry.metrics()) + metrics.firstByteText(sum.modelCalls);
  return text.split("\n").filter((line) => line.startsWith("tollgate_"));
}

const whose = (credential: string) => `provider="claude",credential="${credential}"`;

test("calls, tokens and cost are summed over workers, by credential and status", async () => {
  const refused = call({ status: 429, settlement: { ...call().settlement, basis: "none", costNanoUsd: 0n } });
  const lines = await linesOf([call(), call({ credential: "second" })], [call(), refused]);
  expect(lines).toEqual(
    expect.arrayContaining([
      `tollgate_model_calls_total{${whose("first")},outcome="answered",status="200"} 2`,
      `tollgate_model_calls_total{${whose("first")},outcome="answered",status="429"} 1`,
      `tollgate_model_calls_total{${whose("second")},outcome="answered",status="200"} 1`,
      `tollgate_model_cost_nanodollars_total{${whose("first")}} 60`,
      `tollgate_model_tokens_total{${whose("second")},kind="input"} 10`,
    ]),
  );
});

test("the time to the first byte is a histogram by provider", async () => {
  const lines = await linesOf([call({ firstByteMs: 20 }), call({ firstByteMs: 70 })], [call({ firstByteMs: 0 })]);
  expect(lines.filter((line) => /first_byte.*(="0.05"|="0.1"|Inf|_count|_sum)/.test(line))).toEqual([
    'tollgate_model_first_byte_seconds_bucket{provider="claude",le="0.05"} 1',
    'tollgate_model_first_byte_seconds_bucket{provider="claude",le="0.1"} 2',
    'tollgate_model_first_byte_seconds_bucket{provider="claude",le="+Inf"} 2',
    'tollgate_model_first_byte_seconds_sum{provider="claude"} 0.09',
    'tollgate_model_first_byte_seconds_count{provider="claude"} 2',
  ]);
});

test("an attempt that was given up counts against its own credential, though the call succeeded", async () => {
  const served = call({ credential: "third", failedAttempts: ["first 429", "second upstream.unreachable"] });
  const lines = await linesOf([served], [served]);
  expect(lines.filter((line) => line.includes("given_up"))).toEqual([
    `tollgate_model_attempts_given_up_total{${whose("first")},reason="429"} 2`,
    `tollgate_model_attempts_given_up_total{${whose("second")},reason="upstream.unreachable"} 2`,
  ]);
});

const said = (requestsRemaining: number, timeMs: number, credential = "first") =>
  call({ credential, timeMs, headroom: { ...noHeadroom, requestsLimit: 50, requestsRemaining } });

test("of what is left of a limit the newest word holds, whichever worker heard it, and an old one not at all", async () => {
  const old = nowMs - 16 * 60_000;
  const workers = [[said(7, nowMs - 1_000), call()], [said(9, nowMs - 2_000)], [said(3, old, "second")]];
  expect((await linesOf(...workers)).filter((line) => line.includes("rate_limit"))).toEqual([
    `tollgate_model_rate_limit{${whose("first")},of="requests"} 50`,
    `tollgate_model_rate_limit_remaining{${whose("first")},of="requests"} 7`,
  ]);
});

test("what a provider may choose does not make metrics grow for ever", async () => {
  const calls = Array.from({ length: credentialSeriesMax + 10 }, (_, n) =>
    call({ credential: `c${n}`, failedAttempts: [`c${n} 500`], headroom: { ...noHeadroom, tokensLimit: 1 } }),
  );
  const lines = await linesOf(calls, calls);
  const given = lines.filter((line) => line.includes("given_up"));
  expect(given).toHaveLength(credentialSeriesMax + 1);
  expect(given).toContain('tollgate_model_attempts_given_up_total{provider="",credential="",reason=""} 20');
  expect(lines.filter((line) => line.startsWith("tollgate_model_rate_limit{"))).toHaveLength(credentialSeriesMax);
});
