// What proxies ask of the control plane: the state at a position, everything after a position, and, the other way, what
// they have applied. A snapshot is one repeatable read of the `replica` projection, and holds a connection for as long as its
// reader takes; so few are read at once, each for a bounded time, and commands find a connection whatever proxies do. A watch
// reads the log itself, so it has no holes and cannot be ahead of a commit; between commits it sends ticks, so that a quiet
// line is told from a dead one.

import { TollgateError } from "@tollgate/kernel/errors";
import { type Sync, type ReportRequest, type WatchRequest, type SnapshotRequest } from "@tollgate/schema/sync";
import { usualConnectionsMax, type Database } from "../database.ts";
import type { Caller, ServiceMethods } from "../grpc-server.ts";
import type { Keyring } from "../keyring/keyring.ts";
import { emptyHash, head, type Place } from "../log/read.ts";
import type { Wake } from "../log/wake.ts";
import { readResources, type StoredResource } from "../projections/replica.ts";
import type { Projections } from "../projections/runner.ts";
import { storeEpochCounts } from "../usage/epoch-counts.ts";
import { storedCursors } from "../usage/ingest.ts";
import type { Digests } from "./digests.ts";
import type { Evidence } from "./evidence.ts";
import { storeReport } from "./fleet.ts";
import { followLog } from "./follow-log.ts";
import { holdId, leaveId } from "./holders.ts";
import { pages } from "./pages.ts";
import { mustKnowPolicies } from "./policies-known.ts";
import { recordOf, resourceOf, tickOf } from "./records.ts";
import { boundedReport } from "./report-bounds.ts";
import { messageBytesMax, sized } from "./sized.ts";
import { createTurns } from "./turns.ts";

const atLeastMsMax = 10_000;

export type SnapshotBounds = {
  /** Each holds one connection of the database's pool. */
  atOnceMax: number;
  waitingMax: number;
  /** From the first row to the last: how long a reader who does not read holds his connection. */
  readMsMax: number;
};

const usualBounds: SnapshotBounds = {
  atOnceMax: usualConnectionsMax / 5,
  waitingMax: 500,
  // Less than what PostgreSQL gives an idle transaction, whose end would look like a bug of ours.
  readMsMax: 45_000,
};

export type SyncParts = {
  database: Database;
  wake: Wake;
  projections: Projections;
  keyring: Pick<Keyring, "edition">;
  nowMs: () => number;
  evidence: Evidence;
  digests: Digests;
  snapshots?: SnapshotBounds;
};

export function syncService({
  database,
  wake,
  projections,
  keyring,
  nowMs,
  evidence,
  digests,
  snapshots = usualBounds,
}: SyncParts): ServiceMethods<typeof Sync> {
  const turns = createTurns({ ...snapshots, full: () => new TollgateError("sync.snapshots-busy") });

  async function* snapshot({ atLeast, kinds }: SnapshotRequest, signal: AbortSignal) {
    await projections.reached(atLeast, atLeastMsMax, "replica");
    await mustKnowPolicies(database.sql, kinds);
    const { log } = await head(database.sql);
    const endTurn = await turns.take(signal);
    const tooSlow = new AbortController();
    const timer = setTimeout(
      () => tooSlow.abort(new TollgateError("sync.snapshot-too-slow", `It has ${snapshots.readMsMax} ms.`)),
      snapshots.readMsMax,
    );
    let end: Place = { position: 0n, hash: emptyHash };
    // The turn is over when the transaction is, and not when the reader has taken notice of it.
    const reading = pages<StoredResource>(async (visit) => {
      try {
        end = await readResources(database, visit);
      } finally {
        clearTimeout(timer);
        endTurn();
      }
    }, tooSlow.signal);
    for await (const { page, position: at } of reading)
      for (const resources of sized(page, ({ body }) => body.length, messageBytesMax))
        yield { log, position: at, resources: resources.map(resourceOf) };
    yield { log, ...end, last: true };
  }

  async function* watch(
    { log: claimed, after: position, hash, kinds }: WatchRequest,
    signal: AbortSignal,
    caller: Caller,
  ) {
    await mustKnowPolicies(database.sql, kinds);
    const log = await evidence.examine(database.sql, caller.proxyId, { log: claimed, position, hash });
    for await (const { entries, tick } of followLog({ sql: database.sql, wake, nowMs }, { position, hash }, signal)) {
      for (const part of sized(entries.map(recordOf), ({ body }) => body?.length ?? 0, messageBytesMax))
        yield { log, records: part };
      if (tick) yield { log, tick: tickOf(tick) };
    }
  }

  async function report(said: ReportRequest, caller: Caller) {
    // Whoever it says it is, it is who called.
    const request = { ...boundedReport(said), proxyId: caller.proxyId };
    await holdId(database.sql, caller);
    // Before the report is worked on, so that the time can only be too early: who is asked slowly accuses no broker.
    const timeMs = nowMs();
    const tick = tickOf({ head: await head(database.sql), timeMs });
    // A boot may leave before it knew anything; what is known of its proxy stays.
    if (request.log !== undefined) await storeReport(database.sql, request);
    await storeEpochCounts(database.sql, request.proxyId, request.counts);
    if (request.leaving) await leaveId(database.sql, caller);
    const { proxyId, log, applied: position, hash } = request;
    await evidence.examine(database.sql, proxyId, { log, position, hash }).catch((error: unknown) => {
      // One that still follows another log is on its way to this one.
      if (!(error instanceof TollgateError && error.code === "sync.log-differs")) throw error;
    });
    const isComparable = hash.length > 0 && log !== undefined;
    const diverged = isComparable ? digests.diverged(request) : [];
    const keysEdition = await keyring.edition();
    return { ...(await storedCursors(database.sql, proxyId, request.spooled)), diverged, tick, keysEdition };
  }

  return { snapshot, watch, report };
}
