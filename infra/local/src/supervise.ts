// Keeps one program running: when it ends without having been asked to, it is started again, a little later each time, and
// after too many times in a short while it is given up. It decides when to start and to stop, not how.
import { setTimeout as delay } from "node:timers/promises";

export interface Running {
  /** Resolves with how it ended, whoever ended it. */
  readonly exited: Promise<string>;
  stop(graceMs: number): Promise<void>;
}

export interface SuperviseOptions<R extends Running> {
  readonly start: () => Promise<R>;
  /** Each end that nobody asked for, before the next start. */
  readonly onRestart: (how: string) => void;
  /** It is down and stays down: `reason` is how it ended last, or why it did not come up. */
  readonly onGivenUp: (reason: unknown) => void;
  readonly firstPauseMs?: number;
}

export interface Supervised<R extends Running> {
  /** What the first start gave. */
  readonly first: R;
  stop(graceMs: number): Promise<void>;
}

const restartsMax = 5;
const windowMs = 60_000;
const firstPauseMsDefault = 200;

/** Rejects when the first start fails: what has never run is not worth another try. */
export async function supervise<R extends Running>(options: SuperviseOptions<R>): Promise<Supervised<R>> {
  const { start, onRestart, onGivenUp, firstPauseMs = firstPauseMsDefault } = options;
  const first = await start();
  const stopping = new AbortController();
  let running: R | undefined = first;

  async function watch(): Promise<void> {
    const endsMs: number[] = [];
    while (running !== undefined) {
      const how = await running.exited;
      running = undefined;
      if (stopping.signal.aborted) return;
      endsMs.push(performance.now());
      const recent = endsMs.filter((endMs) => performance.now() - endMs < windowMs).length;
      if (recent > restartsMax) return onGivenUp(how);
      onRestart(how);
      await delay(firstPauseMs * 2 ** (recent - 1), undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      running = await start();
    }
  }
  const watching = watch().catch((error: unknown) => {
    if (!stopping.signal.aborted) onGivenUp(error);
  });
  return {
    first,
    async stop(graceMs) {
      stopping.abort();
      // A start under way has to come to its end first: what it started would be left behind.
      if (running === undefined) await watching;
      await running?.stop(graceMs);
      await watching;
    },
  };
}
