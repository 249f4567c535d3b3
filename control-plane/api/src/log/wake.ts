// Tells readers of the log that there may be more to read: one LISTEN and one poll for all of a process's projections, its
// relay and its watch streams. NOTIFY is a hint that makes it quick; the poll is the truth that nobody can lose, and it
// calls even when nothing is new, so that a reader that failed tries again. It reads no events and remembers nobody's place.

import type { Database } from "../database.ts";
import { logChannel } from "./append.ts";
import { head } from "./read.ts";

export type Wake = {
  /** `fn` gets the newest head that is known; it must return at once and not throw. Answers how to stop it. */
  subscribe(fn: (head: bigint) => void): () => void;
  close(): Promise<void>;
};

export type WakeOptions = { pollMs?: number };

export async function openWake(database: Database, { pollMs = 250 }: WakeOptions = {}): Promise<Wake> {
  const subscribers = new Set<(head: bigint) => void>();
  let known = 0n;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  function tell(position: bigint): void {
    if (position > known) known = position;
    for (const fn of subscribers) fn(known);
  }

  async function poll(): Promise<void> {
    // A database that is away is reported by whoever needs it for more than a poll; here the next one finds it back.
    const found = await head(database.sql).catch(() => undefined);
    if (isClosed) return;
    if (found) tell(found.position);
    timer = setTimeout(() => {
      polling = poll();
    }, pollMs);
  }

  const stopListening = await database.listen(logChannel, (payload) => {
    if (!isClosed && /^\d{1,19}$/.test(payload)) tell(BigInt(payload));
  });
  let polling = poll();

  return {
    subscribe(fn) {
      subscribers.add(fn);
      return () => void subscribers.delete(fn);
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      subscribers.clear();
      await Promise.all([stopListening(), polling]);
    },
  };
}
