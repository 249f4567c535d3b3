// Bounds how many do something at once, in the order in which they asked. The queue is bounded too: who finds it full is
// told so at once, and knows better than we do when to ask again. Whoever hangs up while he waits gives his place to the
// next. It knows nothing of what is done in a turn, nor how long one may take.

export type Turns = {
  /**
   * Resolves with what ends the turn, to be called once; calling it again does nothing. Rejects with `signal`'s reason when
   * that aborts first, and with `full()` when nobody may wait any more.
   */
  take(signal: AbortSignal): Promise<() => void>;
};

export type TurnsOptions = { atOnceMax: number; waitingMax: number; full: () => Error };

export function createTurns({ atOnceMax, waitingMax, full }: TurnsOptions): Turns {
  // A set keeps the order of arrival, and lets go from its middle whoever hangs up.
  const waiting = new Set<() => void>();
  let taken = 0;

  function begin(): () => void {
    taken++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      taken--;
      const [next] = waiting;
      next?.();
    };
  }

  return {
    async take(signal) {
      signal.throwIfAborted();
      if (taken < atOnceMax) return begin();
      if (waiting.size >= waitingMax) throw full();
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          waiting.delete(proceed);
          signal.removeEventListener("abort", hangUp);
        };
        const proceed = (): void => {
          leave();
          resolve(begin());
        };
        const hangUp = (): void => {
          leave();
          reject(signal.reason);
        };
        waiting.add(proceed);
        signal.addEventListener("abort", hangUp);
      });
    },
  };
}
