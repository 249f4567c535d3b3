// Tells open streams that their proxy was revoked, whichever process revoked it: it follows the log's events of revocation,
// of which there are few, and starts with those that come after it. A stream that was admitted in the meantime had its
// proxy looked at when it was; it subscribes before anything is sent on it, and is told also of what was seen before.

import type { Sql } from "../database.ts";
import { head } from "../log/read.ts";
import type { Wake } from "../log/wake.ts";

export type Revocations = {
  /** Calls once, at once if it is so already. Answers how to forget it. */
  onRevoked(proxyId: string, fn: () => void): () => void;
  close(): void;
};

const prefix = "proxy/";

export async function openRevocations(sql: Sql, wake: Wake): Promise<Revocations> {
  const revoked = new Set<string>();
  const waiting = new Map<string, Set<() => void>>();
  let { position } = await head(sql);
  let isReading = false;

  async function read(known: bigint): Promise<void> {
    if (isReading || known <= position) return;
    isReading = true;
    try {
      const rows = await sql.query<{ stream: string }>(
        `SELECT stream FROM log.event WHERE position > $1 AND position <= $2 AND type = 'tollgate.v1.ProxyRevoked'`,
        [position, known],
      );
      position = known;
      for (const { stream } of rows) tell(stream.slice(prefix.length));
    } catch {
      // The database is away. Its return is found by the wake's own poll, and nothing is skipped.
    } finally {
      isReading = false;
    }
  }

  function tell(proxyId: string): void {
    revoked.add(proxyId);
    for (const fn of waiting.get(proxyId) ?? []) fn();
    waiting.delete(proxyId);
  }

  const stop = wake.subscribe((known) => void read(known));
  return {
    onRevoked(proxyId, fn) {
      if (revoked.has(proxyId)) fn();
      const others = waiting.get(proxyId) ?? new Set();
      waiting.set(proxyId, others.add(fn));
      return () => {
        others.delete(fn);
        if (others.size === 0 && waiting.get(proxyId) === others) waiting.delete(proxyId);
      };
    },
    close: stop,
  };
}
