// Holds the replica of a process, primary or worker: it takes feed messages in their order and swaps one immutable view for
// the next. Readers borrow the view; nobody waits and nothing is locked. It knows how old its knowledge is: by the newest
// tick, which the follower only passes on when everything before it was delivered.

import { fromBinary } from "@bufbuild/protobuf";
import { apply, digest, fromSnapshot, type Replica } from "@tollgate/kernel/replica";
import { viewOf, type View } from "@tollgate/kernel/view";
import { FeedSchema, SnapshotChunkSchema, type LogIdentity } from "@tollgate/schema/sync";
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
  /** Undefined before the first tick. `nowMs` is wall-clock time, as the ticks' is. */
  ageMs(nowMs: number): number | undefined;
  digests(): KindDigest[];
};

export function createReplicaHolder(): ReplicaHolder {
  let view: View | undefined;
  let log: LogIdentity | undefined;
  let hash: Uint8Array = new Uint8Array();
  let tickMs: number | undefined;

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
          tickMs = Math.max(tickMs ?? 0, message.timeMs);
      }
    },
    view: () => view,
    position: () => view?.replica.position ?? 0n,
    log: () => log,
    hash: () => hash,
    ageMs: (nowMs) => (tickMs === undefined ? undefined : Math.max(0, nowMs - tickMs)),
    digests: () =>
      [...(view?.replica.kinds ?? [])].map(([kind, { entries }]) => {
        return { kind, resources: BigInt(entries.size), digest: view ? digest(view.replica, kind) : new Uint8Array() };
      }),
  };
}

function* resourcesOf(chunks: Iterable<{ resources: readonly { kind: string; id: string; body: Uint8Array }[] }>) {
  for (const { resources } of chunks) for (const { kind, id, body } of resources) yield { kind, id, bytes: body };
}
