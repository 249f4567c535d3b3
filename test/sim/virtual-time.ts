// Time that only passes when everything that could happen now has happened: a queue of what is due, and between two entries
// as many turns of the event loop as the promises of the code under test need. The same calls in the same order give the
// same run, on any machine and however slow it is.

import { setImmediate as turn } from "node:timers/promises";

type Due = { atMs: number; order: number; run: () => void };

export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  readonly #queue: Due[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): void {
    const due = { atMs: this.#nowMs + ms, order: this.#order++, run };
    // Almost everything is due soon, so the place is near the end of a list that is sorted with the next at its end.
    let at = this.#queue.length;
    while (at > 0 && isBefore(this.#queue[at - 1], due)) at--;
    this.#queue.splice(at, 0, due);
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        signal?.removeEventListener("abort", done);
        resolve();
      };
      signal?.addEventListener("abort", done);
      this.after(ms, done);
    });
  }

  /** Lets time pass up to a moment, or until `isOver` says so. */
  async runTo(endMs: number, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await turn();
      const next = this.#queue.at(-1);
      if (!next || next.atMs > endMs) break;
      this.#queue.pop();
      this.#nowMs = next.atMs;
      next.run();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }
}

/** In the queue's order, which is from the last to the first. */
function isBefore(queued: Due | undefined, due: Due): boolean {
  return queued !== undefined && (queued.atMs < due.atMs || (queued.atMs === due.atMs && queued.order < due.order));
}
