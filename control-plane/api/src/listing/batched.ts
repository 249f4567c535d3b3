// Look-ups by id that belong to many rows of one answer, as one query: what is asked for in the same turn of the event loop
// is loaded together, and each id once. Nothing is remembered from one turn to the next, so there is nothing to go stale,
// and answers of different callers may share a load: who may ask was decided before.

type Waiter<V> = { resolve: (value: V | undefined) => void; reject: (error: unknown) => void };

export type Load<V> = (ids: readonly string[]) => Promise<ReadonlyMap<string, V>>;

/** Answers undefined for what `load` does not find. */
export function batched<V>(load: Load<V>): (id: string) => Promise<V | undefined> {
  let waiting = new Map<string, Waiter<V>[]>();

  async function dispatch(): Promise<void> {
    const asked = waiting;
    waiting = new Map();
    try {
      const found = await load([...asked.keys()]);
      for (const [id, waiters] of asked) for (const { resolve } of waiters) resolve(found.get(id));
    } catch (error) {
      for (const waiters of asked.values()) for (const { reject } of waiters) reject(error);
    }
  }

  return (id) =>
    new Promise((resolve, reject) => {
      // After every promise of this turn: each row comes here by way of a guard of its own.
      if (waiting.size === 0) setImmediate(() => void dispatch());
      const waiters = waiting.get(id);
      if (waiters) waiters.push({ resolve, reject });
      else waiting.set(id, [{ resolve, reject }]);
    });
}
