// Reading the log as it grows: what a watch and the relay have in common. It yields pages of entries in order and, four
// times a second, a tick: at this time the log ended here, and all of that was yielded. A tick is late rather than wrong:
// under load it tells a head that was looked up a moment ago, once everything up to it has gone out.

import { limits } from "@tollgate/kernel/limits";
import type { Sql } from "../database.ts";
import { head, readLog, type LogEntry, type Place } from "../log/read.ts";
import type { Wake } from "../log/wake.ts";

export type LogTick = { head: Place; timeMs: number };

export type LogStep = { entries: readonly LogEntry[]; tick: LogTick | undefined };

/** `nowMs` is wall-clock time; it is only told, never compared. */
export type FollowParts = { sql: Sql; wake: Wake; nowMs: () => number };

export const tickMs = 250;

/** Ends when `signal` aborts. A failing query throws: who follows knows what it may repeat. */
export async function* followLog(
  { sql, wake, nowMs }: FollowParts,
  after: Place,
  signal: AbortSignal,
): AsyncGenerator<LogStep> {
  const bell = openBell(wake, signal);
  let place = after;
  let observed: LogTick | undefined;
  let dueMs = performance.now();
  try {
    while (!signal.aborted) {
      // The time is taken before the look, so that it can only be too early.
      const timeMs = nowMs();
      const entries = await readLog(sql, place.position, limits.feedRecordsMax);
      const { position, hash } = entries.at(-1) ?? place;
      place = { position, hash };
      if (performance.now() >= dueMs)
        observed ??= entries.length === 0 ? { head: place, timeMs } : await observe(sql, nowMs());
      const tick = observed && observed.head.position <= position ? observed : undefined;
      if (tick) {
        observed = undefined;
        dueMs = performance.now() + tickMs;
      }
      if (entries.length > 0 || tick) yield { entries, tick };
      if (entries.length === 0) await bell.wait(position, Math.max(1, dueMs - performance.now()));
    }
  } finally {
    bell.close();
  }
}

async function observe(sql: Sql, timeMs: number): Promise<LogTick> {
  const { position, hash } = await head(sql);
  return { head: { position, hash }, timeMs };
}

type Bell = { wait(position: bigint, timeoutMs: number): Promise<void>; close(): void };

/** Waits for a head beyond a position, for a time, or for the end, whichever is first. */
function openBell(wake: Wake, signal: AbortSignal): Bell {
  let known = 0n;
  let look: (() => void) | undefined;
  const onAbort = (): void => look?.();
  const unsubscribe = wake.subscribe((position) => {
    known = position;
    look?.();
  });
  signal.addEventListener("abort", onAbort);
  return {
    wait: (position, timeoutMs) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          look = undefined;
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        look = () => {
          if (known > position || signal.aborted) done();
        };
        look();
      }),
    close() {
      unsubscribe();
      signal.removeEventListener("abort", onAbort);
    },
  };
}
