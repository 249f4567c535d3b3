// The feed of a proxy: the follower on real sources, with what it delivers made into messages that the primary keeps and
// passes on to its workers as bytes. Commits that arrive together are passed on together, at most every ten milliseconds
// when many come and at once when one does.

import { knownKinds } from "@tollgate/kernel/replica";
import { create, toBinary } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { FeedSchema, SnapshotChunkSchema, type Record as LogRecord } from "@tollgate/schema/sync";
import type { ControlPlane } from "../grpc.ts";
import type { KafkaDoor } from "../kafka.ts";
import type { Log as Output } from "../log-output.ts";
import type { Provisions } from "../provisions/provisions.ts";
import { follow, type FollowerStatus } from "./follower.ts";
import { grpcSource } from "./grpc-source.ts";
import { kafkaSource } from "./kafka-source.ts";
import { LogDiffers, type Clock, type MenderParts, type Snapshot } from "./mender.ts";
import { createRecordCheck, type RefusedBecause } from "./record-check.ts";
import type { Log, Place, Source, Tick } from "./source.ts";

export type FeedMessage =
  /** `SnapshotChunk`s, as they came. */
  | { kind: "snapshot"; chunks: readonly Uint8Array[] }
  /** A `Feed` with the records of whole commits. */
  | { kind: "records"; feed: Uint8Array }
  | { kind: "tick"; head: bigint; timeMs: number };

export type FeedParts = {
  log: Output;
  grpc: Pick<ControlPlane, "sync">;
  /** Undefined: over gRPC alone. */
  kafka: KafkaDoor | undefined;
  /** The keys by which records in Kafka are known, and how to ask for newer ones. */
  provisions: Pick<Provisions, "stock" | "hurry">;
  onMessage: (message: FeedMessage) => void;
  /** Where what was restored from a cache ends; nothing older is taken. */
  begin?: Place | undefined;
};

export type Feed = {
  status(): FollowerStatus;
  /** What was found in the topic and not taken, by reason. */
  refused(): Readonly<Record<RefusedBecause, number>>;
  /** What the control plane said of itself besides. */
  said(tick: Pick<Tick, "timeMs">): void;
  renew(): Promise<void>;
  close(): Promise<void>;
};

const batchMs = 10;
/** gRPC's FAILED_PRECONDITION-like answer of ours for a place in another log. */
const grpcAborted = 10;

export async function startFeed({ log, grpc, kafka, provisions, onMessage, begin }: FeedParts): Promise<Feed> {
  const check = createRecordCheck({
    keys: () => provisions.stock().records,
    onUnknownKey: provisions.hurry,
    log,
    wallMs: Date.now,
    monotonicMs: () => performance.now(),
  });
  const sources: Source[] = [...(kafka ? [kafkaSource(kafka, check)] : []), grpcSource(grpc)];
  const batch = batcher(onMessage);
  const follower = follow({
    sources,
    begin,
    snapshot: (atLeast, signal) => takeSnapshot(grpc, atLeast, signal),
    read: (after, listener, signal) => readToEnd(grpc, after, listener, signal),
    onSnapshot({ chunks }) {
      batch.flush();
      onMessage({ kind: "snapshot", chunks });
    },
    onCommits: (of, records) => batch.add(of, records),
    onTick(_, { head, timeMs }) {
      batch.flush();
      onMessage({ kind: "tick", head, timeMs: Number(timeMs) });
    },
    onProblem: (problem) => log.warn({ problem }, "the line to the control plane is disturbed"),
    clock: systemClock,
  });
  return {
    status: () => follower.status(),
    refused: check.refused,
    said: (tick) => follower.said(tick),
    renew: () => follower.renew(),
    close: () => follower.stop(),
  };
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      if (signal?.aborted) done();
      else signal?.addEventListener("abort", done);
    }),
};

async function takeSnapshot(
  { sync }: Pick<ControlPlane, "sync">,
  atLeast: bigint,
  signal: AbortSignal,
): Promise<Snapshot> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of sync.snapshot({ atLeast, kinds: [...knownKinds] }, signal)) {
    chunks.push(toBinary(SnapshotChunkSchema, chunk));
    const { log, position, hash } = chunk;
    if (chunk.last && log) return { log, position, hash, chunks };
  }
  throw new Error("the snapshot ended before its last chunk");
}

const readToEnd = async (
  { sync }: Pick<ControlPlane, "sync">,
  { log, position, hash }: Parameters<MenderParts["read"]>[0],
  listener: Parameters<MenderParts["read"]>[1],
  signal: AbortSignal,
): Promise<void> => {
  try {
    for await (const feed of sync.watch({ log, after: position, hash, kinds: [...knownKinds] }, signal)) {
      if (feed.log && feed.records.length > 0) listener.onRecords(feed.log, feed.records);
      if (feed.log && feed.tick) {
        listener.onTick(feed.log, feed.tick);
        return;
      }
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === grpcAborted) throw new LogDiffers(error.message);
    throw error;
  }
};

function batcher(onMessage: (message: FeedMessage) => void) {
  let waiting: { log: Log; records: LogRecord[] } | undefined;
  let timer: NodeJS.Timeout | undefined;
  function flush(): void {
    if (!waiting) return;
    const { log, records } = waiting;
    waiting = undefined;
    onMessage({ kind: "records", feed: toBinary(FeedSchema, create(FeedSchema, { log, records })) });
  }
  return {
    flush,
    add(log: Log, records: readonly LogRecord[]): void {
      waiting ??= { log, records: [] };
      for (const record of records) waiting.records.push(record);
      if (waiting.records.length >= limits.feedRecordsMax) flush();
      // The first goes at once and opens a window; what comes within it goes at its end.
      if (timer !== undefined) return;
      flush();
      timer = setTimeout(() => {
        timer = undefined;
        flush();
      }, batchMs);
    },
  };
}
