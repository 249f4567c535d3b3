// What one worker counts of calls to models, by provider, credential, outcome and status. Providers and credentials are named
// by admins and few; a series beyond the bound is counted without their names, so that a metric never grows for ever.

import type { ModelOutcome, Settlement } from "./model-record.ts";

export type ModelCallLabels = {
  readonly provider: string;
  readonly credential: string;
  readonly outcome: ModelOutcome;
  readonly status: number;
};

export type CountedModelCall = ModelCallLabels & {
  /** Since the call came; 0 where no byte did. */
  readonly firstByteMs: number;
  readonly settlement: Settlement;
};

export type ModelCallCounts = ModelCallLabels & {
  calls: number;
  /** Without a price, so that their cost says nothing. */
  unpriced: number;
  inputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  costNanoUsd: bigint;
  /** How many had their first byte within so many milliseconds, as `firstByteMsBounds` says, and their sum. */
  firstBytes: number[];
  firstByteMsSum: number;
};

/** By all four labels together. */
export type ModelCounts = Record<string, ModelCallCounts>;

export const firstByteMsBounds = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000] as const;
export const modelSeriesMax = 2_000;

export function countModelCall(counts: ModelCounts, call: CountedModelCall): void {
  const series = seriesOf(counts, call);
  const { usage, costNanoUsd, priceVersion, basis } = call.settlement;
  series.calls += 1;
  if (priceVersion === "" && basis !== "none") series.unpriced += 1;
  series.inputTokens += usage.inputTokens;
  series.cacheReadTokens += usage.cacheReadTokens;
  series.cacheWriteTokens += usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
  series.outputTokens += usage.outputTokens;
  series.costNanoUsd += costNanoUsd;
  if (call.firstByteMs === 0) return;
  series.firstByteMsSum += call.firstByteMs;
  const found = firstByteMsBounds.findIndex((bound) => call.firstByteMs <= bound);
  const bucket = found < 0 ? firstByteMsBounds.length : found;
  series.firstBytes[bucket] = (series.firstBytes[bucket] ?? 0) + 1;
}

export function addModelCounts(into: ModelCounts, more: ModelCounts): void {
  for (const counted of Object.values(more)) {
    const series = seriesOf(into, counted);
    series.calls += counted.calls;
    series.unpriced += counted.unpriced;
    series.inputTokens += counted.inputTokens;
    series.cacheReadTokens += counted.cacheReadTokens;
    series.cacheWriteTokens += counted.cacheWriteTokens;
    series.outputTokens += counted.outputTokens;
    series.costNanoUsd += counted.costNanoUsd;
    series.firstByteMsSum += counted.firstByteMsSum;
    for (const [bucket, count] of counted.firstBytes.entries())
      series.firstBytes[bucket] = (series.firstBytes[bucket] ?? 0) + count;
  }
}

function seriesOf(counts: ModelCounts, labels: ModelCallLabels): ModelCallCounts {
  const known = counts[nameOf(labels)];
  if (known !== undefined) return known;
  const isFull = Object.keys(counts).length >= modelSeriesMax && labels.provider !== "";
  if (isFull) return seriesOf(counts, { ...labels, provider: "", credential: "" });
  const { provider, credential, outcome, status } = labels;
  return (counts[nameOf(labels)] = {
    ...{ provider, credential, outcome, status, calls: 0, unpriced: 0, costNanoUsd: 0n, firstByteMsSum: 0 },
    ...{ inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0 },
    firstBytes: new Array<number>(firstByteMsBounds.length + 1).fill(0),
  });
}

/** No name of an admin's has a space in it. */
function nameOf({ provider, credential, outcome, status }: ModelCallLabels): string {
  return `${provider} ${credential} ${outcome} ${status}`;
}
