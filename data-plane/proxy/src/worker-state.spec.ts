// A worker that starts later must end where the others are, with nothing more allowed than in them.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { encodeEvent } from "@tollgate/kernel/catalogue";
import { apply, digest, empty, fromSnapshot, type Replica } from "@tollgate/kernel/replica";
import { TeamCreatedSchema } from "@tollgate/schema/events";
import { FeedSchema, LogIdentitySchema, RecordSchema, SnapshotChunkSchema } from "@tollgate/schema/sync";
import { expect, test } from "vitest";
import { newId } from "./fixtures/gate-fixture.ts";
import { createWorkerState, printed, type WorkerState } from "./worker-state.ts";

const log = create(LogIdentitySchema, { id: "log", incarnation: 1 });
const longName = "x".repeat(1_000_000);

function replayed(state: WorkerState): Replica {
  let replica = empty();
  for (const message of state.messages()) {
    if (message.kind === "snapshot") {
      const chunks = message.chunks.map((chunk) => fromBinary(SnapshotChunkSchema, chunk));
      const resources = chunks.flatMap((chunk) =>
        chunk.resources.map(({ kind, id, body }) => ({ kind, id, bytes: body })),
      );
      replica = fromSnapshot(chunks[0]?.position ?? 0n, resources);
    } else if (message.kind === "records") replica = apply(replica, fromBinary(FeedSchema, message.feed).records);
  }
  return replica;
}

function grow(state: WorkerState, from: Replica, type: string, count: number): Replica {
  let replica = from;
  for (let i = 0; i < count; i++) {
    const position = replica.position + 1n;
    const body = encodeEvent(create(TeamCreatedSchema, { team: { id: newId(), name: longName } }));
    const record = create(RecordSchema, { position, commit: position, type, scopes: [`team/${position}`], body });
    replica = apply(replica, [record]);
    state.add({ kind: "records", feed: toBinary(FeedSchema, create(FeedSchema, { log, records: [record] })) }, replica);
  }
  return replica;
}

function begun(): WorkerState {
  const state = createWorkerState();
  state.add({ kind: "snapshot", chunks: printed(empty(), log, new Uint8Array()) }, empty());
  return state;
}

test("what is replayed is what the others hold, and it does not grow with the log", () => {
  const state = begun();
  const replica = grow(state, empty(), "tollgate.v1.TeamCreated", 12);
  expect(state.messages().length).toBeLessThan(8);
  expect(replayed(state).position).toBe(12n);
  expect(digest(replayed(state), "team")).toEqual(digest(replica, "team"));
});

test("what could not be read stays refused in a later worker", () => {
  const state = begun();
  const refusing = grow(state, empty(), "tollgate.v1.FromTheFuture", 1);
  const replica = grow(state, refusing, "tollgate.v1.TeamCreated", 12);
  expect([...replica.refused.keys()]).toEqual(["team/1"]);
  expect(replayed(state).refused).toEqual(replica.refused);
});
