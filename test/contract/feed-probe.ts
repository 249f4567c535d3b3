// A proxy's feed under observation: what it delivers goes into a replica, as in a primary, and every message is checked
// against what a worker relies on: records follow each other without a hole, none comes twice, and a message ends where a
// commit ends. It asserts nothing by itself; suites look at `violations`.

import { fromBinary } from "@bufbuild/protobuf";
import { startFeed, type Feed, type FeedMessage } from "@tollgate/proxy/feed/feed";
import { createReplicaHolder, type ReplicaHolder } from "@tollgate/proxy/feed/replica-holder";
import { openControlPlane } from "@tollgate/proxy/grpc";
import { openKafka } from "@tollgate/proxy/kafka";
import { startProvisions } from "@tollgate/proxy/provisions/provisions";
import { FeedSchema } from "@tollgate/schema/sync";
import { until } from "../support/wait.ts";
import type { Planes, Truth } from "./planes.ts";
import { newCaller } from "../support/caller.ts";

export type Probe = AsyncDisposable & {
  readonly replica: ReplicaHolder;
  readonly feed: Feed;
  readonly violations: string[];
  /** What the feed wrote into the proxy's log as a warning or an error. */
  readonly problems: string[];
  snapshots(): number;
  ticks(): number;
  /** Positions that came as records, in their order. */
  readonly delivered: bigint[];
  /** Called after each message was applied. */
  onApplied(fn: () => void): void;
  held(): Truth;
  /** Waits until it holds what the log says now. */
  caughtUp(timeoutMs?: number): Promise<void>;
};

export async function openProbe(planes: Planes): Promise<Probe> {
  const replica = createReplicaHolder();
  const grpc = openControlPlane(planes.way, newCaller());
  const violations: string[] = [];
  const problems: string[] = [];
  const delivered: bigint[] = [];
  const listeners: (() => void)[] = [];
  const count = { snapshot: 0, records: 0, tick: 0 };

  function checkRecords(bytes: Uint8Array): void {
    const { records } = fromBinary(FeedSchema, bytes);
    let expected = replica.position() + 1n;
    for (const { position } of records) {
      if (position !== expected) violations.push(`position ${position} came where ${expected} was due`);
      expected = position + 1n;
      delivered.push(position);
    }
    const last = records.at(-1);
    if (last?.commit !== last?.position) violations.push(`a message ended at ${last?.position}, inside a commit`);
  }

  const say = (detail: unknown, message?: string): void => void problems.push(`${message} ${JSON.stringify(detail)}`);
  const provisions = startProvisions({
    ...{ control: grpc, kept: undefined, epochsMin: 0, usedUpTo: () => 0n },
    onChange: () => undefined,
    onProblem: () => undefined,
  });
  const brokers = planes.kafkaBrokers;
  const kafka =
    brokers.length === 0 ? undefined : openKafka({ brokers, clientId: "probe", onProblem: () => undefined });
  const feed = await startFeed({
    log: { debug: () => undefined, info: () => undefined, warn: say, error: say },
    grpc,
    kafka,
    provisions,
    onMessage(message: FeedMessage) {
      count[message.kind]++;
      if (message.kind === "records") checkRecords(message.feed);
      replica.apply(message);
      for (const listener of listeners) listener();
    },
  });

  const held = (): Truth => ({
    position: replica.position(),
    digests: Object.fromEntries(
      replica.digests().map(({ kind, digest }) => [kind, Buffer.from(digest).toString("hex")]),
    ),
  });
  return {
    replica,
    feed,
    violations,
    problems,
    delivered,
    held,
    snapshots: () => count.snapshot,
    ticks: () => count.tick,
    onApplied: (fn) => void listeners.push(fn),
    async caughtUp(timeoutMs = 15_000) {
      const truth = await planes.truth();
      const isThere = (): boolean => replica.view() !== undefined && replica.position() >= truth.position;
      await until(isThere, { what: `position ${truth.position} (${problems.slice(-3).join("; ")})`, timeoutMs });
    },
    async [Symbol.asyncDispose]() {
      await feed.close();
      await kafka?.close();
      void provisions.close();
      grpc.close();
    },
  };
}
