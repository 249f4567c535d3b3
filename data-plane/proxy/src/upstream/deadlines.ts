// Absolute time limits of calls, on one shared timer that looks four times a second. A timer per call would be created and
// thrown away on the hot path for something that almost never happens; a quarter of a second late is early enough.

export type Deadlines = {
  /** Calls `onLate` once unless the returned function is called before. */
  watch(afterMs: number, onLate: () => void): () => void;
  close(): void;
};

const lookEveryMs = 250;

export function createDeadlines(): Deadlines {
  const watched = new Set<{ atMs: number; onLate: () => void }>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const entry of watched) {
      if (entry.atMs > now) continue;
      watched.delete(entry);
      entry.onLate();
    }
  }, lookEveryMs);
  timer.unref();
  return {
    watch(afterMs, onLate) {
      const entry = { atMs: performance.now() + afterMs, onLate };
      watched.add(entry);
      return () => void watched.delete(entry);
    },
    close: () => clearInterval(timer),
  };
}
