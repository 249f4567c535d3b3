// What a new worker must be told to know what the others know: the last snapshot, the records since, the last tick. The
// messages themselves are kept, not a replica printed anew, so that what this software could not read is refused in the new
// worker by the same rule as in the old ones. When the records have outgrown the snapshot it is printed anew after all,
// unless something is refused.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import type { Replica } from "@tollgate/kernel/replica";
import { FeedSchema, ResourceSchema, SnapshotChunkSchema, type LogIdentity } from "@tollgate/schema/sync";
import type { FeedMessage } from "./feed/feed.ts";

export type WorkerState = {
  /** `replica` is the state after the message. */
  add(message: FeedMessage, replica: Replica | undefined): void;
  messages(): readonly FeedMessage[];
};

const recordBytesMin = 4 * 1024 * 1024;

export function createWorkerState(): WorkerState {
  let log: LogIdentity | undefined;
  let snapshot: FeedMessage | undefined;
  let snapshotBytes = 0;
  let records: FeedMessage[] = [];
  let recordBytes = 0;
  let tick: FeedMessage | undefined;

  function restart(message: FeedMessage, chunks: readonly Uint8Array[]): void {
    snapshot = message;
    snapshotBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    records = [];
    recordBytes = 0;
  }

  return {
    add(message, replica) {
      switch (message.kind) {
        case "snapshot": {
          const [first] = message.chunks;
          log = first && fromBinary(SnapshotChunkSchema, first).log;
          return restart(message, message.chunks);
        }
        case "tick":
          tick = message;
          return;
        case "records":
          records.push(message);
          recordBytes += message.feed.length;
          if (recordBytes < Math.max(recordBytesMin, snapshotBytes) || replica === undefined) return;
          if (log !== undefined && replica.refused.size === 0) {
            const hash = fromBinary(FeedSchema, message.feed).records.at(-1)?.hash ?? new Uint8Array();
            const chunks = printed(replica, log, hash);
            restart({ kind: "snapshot", chunks }, chunks);
          }
      }
    },
    messages: () => [snapshot, ...records, tick].filter((message) => message !== undefined),
  };
}

export function printed(replica: Replica, log: LogIdentity, hash: Uint8Array): Uint8Array[] {
  const all = [...replica.kinds].flatMap(([kind, { entries }]) =>
    [...entries.values()].map(({ id, bytes }) => create(ResourceSchema, { kind, id, body: bytes })),
  );
  const chunks: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < all.length; at += limits.snapshotChunkResourcesMax) {
    const resources = all.slice(at, at + limits.snapshotChunkResourcesMax);
    const last = at + limits.snapshotChunkResourcesMax >= all.length;
    const chunk = create(SnapshotChunkSchema, { log, position: replica.position, hash, resources, last });
    chunks.push(toBinary(SnapshotChunkSchema, chunk));
  }
  return chunks;
}
