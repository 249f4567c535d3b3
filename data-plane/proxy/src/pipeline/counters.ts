// What one worker counts for the metrics: plain numbers, read by the primary when somebody asks. A count lives as long as
// its worker; the primary keeps the sums of those that ended.

import type { ErrorCode } from "@tollgate/kernel/errors";
import type { Completion } from "../upstream/relay.ts";

export type CountersSnapshot = {
  callsByOutcome: Record<Completion["outcome"], number>;
  refusalsByCode: Record<string, number>;
};

export type Counters = {
  completed(outcome: Completion["outcome"]): void;
  refused(code: ErrorCode): void;
  snapshot(): CountersSnapshot;
};

export function emptyCounts(): CountersSnapshot {
  return { callsByOutcome: { answered: 0, "upstream-failed": 0, "client-closed": 0 }, refusalsByCode: {} };
}

export function createCounters(): Counters {
  const counts = emptyCounts();
  return {
    completed: (outcome) => void counts.callsByOutcome[outcome]++,
    refused: (code) => void (counts.refusalsByCode[code] = (counts.refusalsByCode[code] ?? 0) + 1),
    snapshot: () => structuredClone(counts),
  };
}

export function addCounts(into: CountersSnapshot, more: CountersSnapshot): void {
  into.callsByOutcome.answered += more.callsByOutcome.answered;
  into.callsByOutcome["upstream-failed"] += more.callsByOutcome["upstream-failed"];
  into.callsByOutcome["client-closed"] += more.callsByOutcome["client-closed"];
  for (const [code, count] of Object.entries(more.refusalsByCode))
    into.refusalsByCode[code] = (into.refusalsByCode[code] ?? 0) + count;
}
