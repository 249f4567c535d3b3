// What all workers counted, those that ended included. Each is asked, and says what it counted so far; who does not answer in
// time is taken at what he said last.

import type { OpenCounts, WorkerStats } from "./ipc.ts";
import { addCounts, emptyCounts, type CountersSnapshot } from "./pipeline/counters.ts";

export type WorkerTotals = { counts: CountersSnapshot; factsLost: bigint; open: OpenCounts };

export type Asked = {
  readonly id: number;
  /** Undefined: not any more. */
  readonly ask: ((question: number) => void) | undefined;
  readonly last: WorkerStats | undefined;
};

export type Totals = {
  answered(id: number, question: number): void;
  /** What it counted stays; it has no more answers to give. */
  ended(id: number, last: WorkerStats | undefined): void;
  /** `all` is who is there at the moment: who ends while the others are asked is not counted twice. */
  sum(all: () => readonly Asked[]): Promise<WorkerTotals>;
};

const answerMsMax = 1_000;

export function createTotals(): Totals {
  const past: WorkerTotals = { counts: emptyCounts(), factsLost: 0n, open: { sessions: 0, streams: 0, parked: 0 } };
  const waiting = new Map<number, { missing: Set<number>; done: () => void }>();
  let questions = 0;

  function answered(id: number, question: number): void {
    const waiter = waiting.get(question);
    waiter?.missing.delete(id);
    if (waiter?.missing.size === 0) waiter.done();
  }

  async function askAll(all: readonly Asked[]): Promise<void> {
    const asked = all.filter(({ ask }) => ask !== undefined);
    if (asked.length === 0) return;
    const question = ++questions;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(question);
        resolve();
      };
      const timer = setTimeout(done, answerMsMax);
      waiting.set(question, { missing: new Set(asked.map(({ id }) => id)), done });
      for (const { ask } of asked) ask?.(question);
    });
  }

  return {
    answered,
    ended(id, last) {
      if (last !== undefined) addTo(past, last);
      for (const question of waiting.keys()) answered(id, question);
    },
    async sum(all) {
      await askAll(all());
      const sum = structuredClone(past);
      for (const { last } of all()) {
        if (last === undefined) continue;
        addTo(sum, last);
        for (const kind of ["sessions", "streams", "parked"] as const) sum.open[kind] += last.open[kind];
      }
      return sum;
    },
  };
}

function addTo(sum: WorkerTotals, { counts, factsLost }: WorkerStats): void {
  addCounts(sum.counts, counts);
  sum.factsLost += factsLost;
}
