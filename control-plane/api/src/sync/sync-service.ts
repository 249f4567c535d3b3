// What proxies ask of the control plane: the state at a position, everything after a position, and, the other way, what
// they have applied. A snapshot is one repeatable read of the `replica` projection. A watch reads the log itself, so it has
// no holes and cannot be ahead of a commit; between commits it sends ticks, so that a quiet line is told from a dead one.

import { TollgateError } from "@tollgate/kernel/errors";
import { type Sync, type ReportRequest, type WatchRequest, type SnapshotRequest } from "@tollgate/schema/sync";
import type { Database } from "../database.ts";
import type { ServiceMethods } from "../grpc-server.ts";
import { head, type LogIdentity } from "../log/read.ts";
import type { Wake } from "../log/wake.ts";
import { readResources, type StoredResource } from "../projections/replica.ts";
import type { Projections } from "../projections/runner.ts";
import { storedCursors } from "../usage/ingest.ts";
import { storeReport } from "./fleet.ts";
import { followLog } from "./follow-log.ts";
import { pages } from "./pages.ts";
import { recordOf } from "./records.ts";
import { sized } from "./sized.ts";

/** Of bodies; well below what both ends take as one message. */
const messageBytesMax = 4 * 1024 * 1024;
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
    for await (const { page, position: at } of reading)
      for (const resources of sized(page, ({ body }) => body.length, messageBytesMax))
        yield { log, position: at, resources };
    yield { log, position, last: true };
  }

  async function* watch({ log, after }: WatchRequest, signal: AbortSignal) {
    const now = await head(database.sql);
    if (log?.id !== now.log.id || log.incarnation !== now.log.incarnation || after > now.position)
      throw new TollgateError("sync.log-differs", `This log is ${describe(now.log)} at ${now.position}.`);
    for await (const { entries, tick } of followLog({ sql: database.sql, wake, nowMs }, after, signal)) {
      for (const part of sized(entries.map(recordOf), ({ body }) => body?.length ?? 0, messageBytesMax))
        yield { log: now.log, records: part };
      if (tick) yield { log: now.log, tick: { head: tick.head, timeMs: BigInt(tick.timeMs) } };
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
