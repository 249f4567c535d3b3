// Holds the replica of a process, primary or worker: it takes feed messages in their order and swaps one immutable view for
// the next. Readers borrow the view; nobody waits and nothing is locked. It knows how old its knowledge may be: by the newest
// tick, which the follower only passes on when everything before it was delivered, and which a cache may bring back before
// there is any line. This is the one place where the control plane's time meets this machine's.

import { fromBinary } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { apply, digest, fromSnapshot, type Replica } from "@tollgate/kernel/replica";
import { viewOf, type View } from "@tollgate/kernel/view";
import { FeedSchema, SnapshotChunkSchema, type SnapshotChunk, type LogIdentity } from "@tollgate/schema/sync";
import type { FeedMessage } from "./feed.ts";

export type KindDigest = { kind: string; resources: bigint; digest: Uint8Array };

export type ReplicaHolder = {
  apply(message: FeedMessage): void;
  /** Undefined before the first snapshot. */
  view(): View | undefined;
  position(): bigint;
  log(): LogIdentity | undefined;
  /** The log's hash at the position. */
  hash(): Uint8Array;
  /** How old the view may be, the difference of two machines' clocks included. Undefined before the first tick. */
  ageMs(): number | undefined;
  digests(): KindDigest[];
};

/** Both in milliseconds; the wall clock may jump, the monotonic one stands still while the machine sleeps. */
export type Clocks = { wallMs(): number; monotonicMs(): number };

const machineClocks: Clocks = { wallMs: Date.now, monotonicMs: () => performance.now() };

export function createReplicaHolder({ wallMs, monotonicMs }: Clocks = machineClocks): ReplicaHolder {
  let view: View | undefined;
  let log: LogIdentity | undefined;
  let hash: Uint8Array = new Uint8Array();
  let tick: { timeMs: number; heardMs: number } | undefined;

  /** A tick from the future, of a clock that was wrong, must not make the view young for ever. */
  function hear(toldMs: number): void {
    const timeMs = Math.min(toldMs, wallMs() + limits.clockSkewMs);
    if (tick === undefined || timeMs > tick.timeMs) tick = { timeMs, heardMs: monotonicMs() };
  }

  /** By whichever clock says more: a wall clock that is set back must not make the view young again. */
  function ageMs(): number | undefined {
    if (tick === undefined) return undefined;
    return Math.max(0, wallMs() - tick.timeMs, monotonicMs() - tick.heardMs) + limits.clockSkewMs;
  }

  function swap(replica: Replica): void {
    view = viewOf(replica, view);
  }

  return {
    apply(message) {
      switch (message.kind) {
        case "snapshot": {
          const chunks = message.chunks.map((chunk) => fromBinary(SnapshotChunkSchema, chunk));
          const last = chunks.at(-1);
          if (!last) throw new Error("a snapshot has at least one chunk");
          log = last.log;
          hash = last.hash;
          return swap(fromSnapshot(last.position, resourcesOf(chunks)));
        }
        case "records": {
          if (!view) throw new Error("records came before the first snapshot");
          const { records } = fromBinary(FeedSchema, message.feed);
          hash = records.at(-1)?.hash ?? hash;
          return swap(apply(view.replica, records));
        }
        case "tick":
          hear(message.timeMs);
      }
    },
    view: () => view,
    position: () => view?.replica.position ?? 0n,
    log: () => log,
    hash: () => hash,
    ageMs,
    digests: () =>
      [...(view?.replica.kinds ?? [])].map(([kind, { entries }]) => {
        return { kind, resources: BigInt(entries.size), digest: view ? digest(view.replica, kind) : new Uint8Array() };
      }),
  };
}

function* resourcesOf(chunks: Iterable<Pick<SnapshotChunk, "resources">>) {
  for (const { resources } of chunks)
    for (const { kind, id, body, restrains } of resources) yield { kind, id, bytes: body, restrains };
}
