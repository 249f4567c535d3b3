// Absolute time limits of calls, on one shared timer that looks four times a second. A timer per call would be created and
// thrown away on the hot path for something that almost never happens; a quarter of a second late is early enough.

import { createSlots } from "../slots.ts";

export type Deadlines = {
  /** Calls `onLate` once unless the returned function is called before. */
  watch(afterMs: number, onLate: () => unknown): () => void;
  close(): void;
};

const lookEveryMs = 250;

type Watched = { readonly atMs: number; readonly onLate: () => unknown; unwatch: () => void };

const nothing = (): void => undefined;

export function createDeadlines(): Deadlines {
  const watched = createSlots<Watched>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const entry of watched) {
      if (entry.atMs > now) continue;
      entry.unwatch();
      entry.onLate();
    }
  }, lookEveryMs);
  timer.unref();
  return {
    watch(afterMs, onLate) {
      const entry: Watched = { atMs: performance.now() + afterMs, onLate, unwatch: nothing };
      entry.unwatch = watched.add(entry);
      return entry.unwatch;
    },
    close: () => clearInterval(timer),
  };
}
