// The log over gRPC: the embedded default, and the way past a Kafka that is away. A watch begins after a position, so it
// is attached after the first snapshot.

import { knownKinds } from "@tollgate/kernel/replica";
import type { ControlPlane } from "../grpc.ts";
import type { Attached, Place, Source, SourceListener } from "./source.ts";

export function grpcSource(control: Pick<ControlPlane, "sync">): Source {
  return {
    name: "grpc",
    beginsAt: "position",
    async attach(after, listener) {
      if (after === undefined) throw new Error("a watch needs a position to begin after");
      return watch(control, after, listener);
    },
  };
}

function watch(
  control: Pick<ControlPlane, "sync">,
  { log, position, hash }: Place,
  listener: SourceListener,
): Attached {
  const hangUp = new AbortController();
  const reading = (async () => {
    for await (const feed of control.sync.watch(
      { log, after: position, hash, kinds: [...knownKinds] },
      hangUp.signal,
    )) {
      if (hangUp.signal.aborted) return;
      if (feed.log && feed.records.length > 0) listener.onRecords(feed.log, feed.records);
      if (feed.log && feed.tick) listener.onTick(feed.log, feed.tick);
    }
  })().then(
    () => "the control plane ended the watch",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  void reading.then((reason) => {
    if (!hangUp.signal.aborted) listener.onLost(reason);
  });
  return {
    async detach() {
      hangUp.abort();
      await reading;
    },
  };
}
