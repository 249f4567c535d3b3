// What proxies ask of the control plane: the state at a position, everything after a position, and, the other way, what
// they have applied. A snapshot is one repeatable read of the `replica` projection. A watch reads the log itself, so it has
// no holes and cannot be ahead of a commit; between commits it sends ticks, so that a quiet line is told from a dead one.

import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import { type Sync, type ReportRequest, type WatchRequest, type SnapshotRequest } from "@tollgate/schema/sync";
import type { Database } from "../database.ts";
import type { ServiceMethods } from "../grpc-server.ts";
import { head, readLog, type LogIdentity } from "../log/read.ts";
import type { Wake } from "../log/wake.ts";
import { readResources, type StoredResource } from "../projections/replica.ts";
import type { Projections } from "../projections/runner.ts";
import { storedCursors } from "../usage/ingest.ts";
import { storeReport } from "./fleet.ts";
import { pages } from "./pages.ts";
import { recordOf } from "./records.ts";

export const tickMs = 250;
const atLeastMsMax = 10_000;
const reportedEpochsMax = 10_000;

export type SyncParts = { database: Database; wake: Wake; projections: Projections; nowMs: () => number };

export function syncService({ database, wake, projections, nowMs }: SyncParts): ServiceMethods<typeof Sync> {
  async function* snapshot({ atLeast }: SnapshotRequest) {
    await projections.reached(atLeast, atLeastMsMax, "replica");
    const { log } = await head(database.sql);
    let position = 0n;
    const reading = pages<StoredResource>(async (visit) => {
      position = await readResources(database, visit);
    });
    for await (const { page, position: at } of reading) yield { log, position: at, resources: page };
    yield { log, position, last: true };
  }

  async function* watch({ log, after }: WatchRequest, signal: AbortSignal) {
    const now = await head(database.sql);
    if (log?.id !== now.log.id || log.incarnation !== now.log.incarnation || after > now.position)
      throw new TollgateError("sync.log-differs", `This log is ${describe(now.log)} at ${now.position}.`);
    const woken = waker(wake, signal);
    try {
      let position = after;
      while (!signal.aborted) {
        const entries = await readLog(database.sql, position, limits.feedRecordsMax);
        const last = entries.at(-1);
        if (last) {
          position = last.position;
          yield { log: now.log, records: entries.map(recordOf) };
        } else {
          // The log was read to its end just now: nothing before this time is missing.
          yield { log: now.log, tick: { head: position, timeMs: BigInt(nowMs()) } };
          await woken.wait(position, tickMs);
        }
      }
    } finally {
      woken.close();
    }
  }

  async function report(request: ReportRequest) {
    if (request.proxyId === "" || request.spooled.length > reportedEpochsMax)
      throw new TollgateError("request.invalid", "A report needs a proxy id and names at most 10,000 epochs.");
    await storeReport(database.sql, request);
    const epochs = request.spooled.map(({ epoch }) => epoch);
    return { stored: await storedCursors(database.sql, request.proxyId, epochs) };
  }

  return { snapshot, watch, report };
}

function describe({ id, incarnation }: LogIdentity): string {
  return `${id}, incarnation ${incarnation}`;
}

type Waker = { wait(position: bigint, timeoutMs: number): Promise<void>; close(): void };

/** Waits for a head beyond a position, for a time, or for the proxy to hang up, whichever is first. */
function waker(wake: Wake, signal: AbortSignal): Waker {
  let known = 0n;
  let proceed: (() => void) | undefined;
  const onAbort = (): void => proceed?.();
  const unsubscribe = wake.subscribe((position) => {
    known = position;
    proceed?.();
  });
  signal.addEventListener("abort", onAbort);
  return {
    wait: (position, timeoutMs) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          proceed = undefined;
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        proceed = () => {
          if (known > position || signal.aborted) done();
        };
        proceed();
      }),
    close() {
      unsubscribe();
      signal.removeEventListener("abort", onAbort);
    },
  };
}
