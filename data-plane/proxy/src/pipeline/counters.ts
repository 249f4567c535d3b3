// What one worker counts for the metrics: plain numbers, read by the primary when somebody asks. A count lives as long as
// its worker; the primary keeps the sums of those that ended.

import type { ErrorCode } from "@tollgate/kernel/errors";
import type { StrangerReason } from "../internal/internal-port.ts";
import type { OpenRefusal } from "../sealing/sealer.ts";
import {
  addCredentialCounts,
  countAttempts,
  emptyCredentialCounts,
  type CountedAttempts,
  type CredentialCounts,
} from "./credential-counts.ts";
import { addModelCounts, countModelCall, type CountedModelCall, type ModelCounts } from "./model-counters.ts";
import type { Completion } from "./record.ts";

export type CountersSnapshot = {
  callsByOutcome: Record<Completion["outcome"], number>;
  refusalsByCode: Record<string, number>;
  /** Sealed handles that did not open: what a client is not told. */
  handleRefusalsByReason: Record<string, number>;
  /** Who came to the internal port and was no proxy of ours. */
  strangersByReason: Record<string, number>;
  modelCalls: ModelCounts;
  credentials: CredentialCounts;
};

export type Counters = {
  completed(outcome: Completion["outcome"]): void;
  modelCompleted(call: CountedModelCall & CountedAttempts): void;
  refused(code: ErrorCode): void;
  handleRefused(reason: OpenRefusal): void;
  strangerRefused(reason: StrangerReason): void;
  snapshot(): CountersSnapshot;
};

export function emptyCounts(): CountersSnapshot {
  const callsByOutcome = { answered: 0, "upstream-failed": 0, "client-closed": 0, "input-required": 0 };
  const byReason = { refusalsByCode: {}, handleRefusalsByReason: {}, strangersByReason: {} };
  return { callsByOutcome, ...byReason, modelCalls: {}, credentials: emptyCredentialCounts() };
}

export function createCounters(): Counters {
  const counts = emptyCounts();
  return {
    completed: (outcome) => void counts.callsByOutcome[outcome]++,
    modelCompleted(call) {
      countModelCall(counts.modelCalls, call);
      countAttempts(counts.credentials, call);
    },
    refused: (code) => add(counts.refusalsByCode, code, 1),
    handleRefused: (reason) => add(counts.handleRefusalsByReason, reason, 1),
    strangerRefused: (reason) => add(counts.strangersByReason, reason, 1),
    snapshot: () => structuredClone(counts),
  };
}

export function addCounts(into: CountersSnapshot, more: CountersSnapshot): void {
  into.callsByOutcome.answered += more.callsByOutcome.answered;
  into.callsByOutcome["upstream-failed"] += more.callsByOutcome["upstream-failed"];
  into.callsByOutcome["client-closed"] += more.callsByOutcome["client-closed"];
  into.callsByOutcome["input-required"] += more.callsByOutcome["input-required"];
  for (const [code, count] of Object.entries(more.refusalsByCode)) add(into.refusalsByCode, code, count);
  for (const [reason, count] of Object.entries(more.handleRefusalsByReason))
    add(into.handleRefusalsByReason, reason, count);
  addModelCounts(into.modelCalls, more.modelCalls);
  addCredentialCounts(into.credentials, more.credentials);
  for (const [reason, count] of Object.entries(more.strangersByReason)) add(into.strangersByReason, reason, count);
}

function add(into: Record<string, number>, name: string, count: number): void {
  into[name] = (into[name] ?? 0) + count;
}
