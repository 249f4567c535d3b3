// What a proxy tells of its own accord: the facts out of its spool, and once a second a report of what it knows. Here the
// parts that the primary holds become what the shipper and the report ask for.

import { knowledge } from "@tollgate/kernel/replica";
import type { Config } from "./config.ts";
import type { ProxyIdentity } from "./facts/epochs.ts";
import { grpcSink } from "./facts/grpc-sink.ts";
import { kafkaSink } from "./facts/kafka-sink.ts";
import type { EpochCounts } from "./facts/recorder.ts";
import { openShipper, type Shipper } from "./facts/shipper.ts";
import type { Divergence } from "./feed/divergence.ts";
import type { Feed } from "./feed/feed.ts";
import type { Refusals } from "./feed/refusals.ts";
import type { ReplicaHolder } from "./feed/replica-holder.ts";
import { startReporting, type Reporting } from "./feed/report.ts";
import type { CallerIdentity, ControlPlane } from "./grpc.ts";
import type { KafkaDoor } from "./kafka.ts";
import type { Lender } from "./lending/lender.ts";
import type { Log } from "./log-output.ts";
import type { Provisions } from "./provisions/provisions.ts";
import type { Workers } from "./workers.ts";

const software = "tollgate-proxy/0.1.0";

export type Outward = {
  config: Config;
  log: Log;
  control: ControlPlane;
  caller: CallerIdentity;
  kafka: KafkaDoor | undefined;
  identity: ProxyIdentity;
  replica: ReplicaHolder;
  workers: Workers;
  provisions: Provisions;
  lender: Pick<Lender, "isHeld" | "look">;
};

export function openFactsShipper({
  config,
  log,
  control,
  kafka,
  identity,
  workers,
  provisions,
  lender,
}: Outward): Shipper {
  const upload = grpcSink((batch) => control.usage.upload(batch));
  return openShipper({
    directory: identity.spoolDirectory,
    proxyId: identity.proxyId,
    sinks: kafka === undefined ? [upload] : [kafkaSink(kafka.produce), upload],
    liveEpochs: () => new Set(workers.epochs()),
    epochKey: provisions.epochKey,
    onEpochs: provisions.need,
    isHeld: lender.isHeld,
    maxBytes: config.spoolBytesMax,
    monotonicMs: () => performance.now(),
    wallMs: Date.now,
    onDropped: (dropped) => log.error({ dropped }, "the spool is full: its oldest facts were dropped"),
    onProblem(problem) {
      log.warn({ problem }, "facts do not reach the control plane as they should");
      // What it writes from now on would never leave the disk.
      if (problem.kind === "forked") workers.replace(problem.epoch);
    },
  });
}

type Reported = Outward & { divergence: Divergence; refusals: () => Refusals };

/** Word back of what is applied; the answer says how far the facts have come, and what time it is where the log is. */
export function reportTo(outward: Reported, feed: Feed, shipper: Shipper): Reporting {
  const { config, control, caller, replica, workers, provisions, lender, log: output, divergence, refusals } = outward;
  const knows = knowledge();
  return startReporting({
    control,
    report(isLeaving) {
      // Who leaves has no workers any more, and perhaps never knew of a log; it must say so all the same.
      const applied = workers.applied() ?? (isLeaving ? replica.position() : undefined);
      const log = replica.log();
      if (applied === undefined || (log === undefined && !isLeaving)) return undefined;
      const ageMs = replica.ageMs();
      const { count, first } = refusals();
      return {
        ...caller,
        environment: config.environment,
        region: config.region,
        software,
        source: feed.status().source,
        ...(log === undefined ? {} : { log }),
        applied,
        // The hash of another position than the least worker's would accuse the log of being another.
        ...(replica.position() === applied ? { hash: replica.hash() } : {}),
        ...(ageMs === undefined ? {} : { ageMs: BigInt(Math.ceil(ageMs)) }),
        digests: replica.digests(),
        workers: workers.listening(),
        spooled: shipper.spooled(),
        counts: countsToWire(workers.counts()),
        ...{ knows, nacks: [...first], nackCount: BigInt(count) },
      };
    },
    onAnswer(answer, { applied = 0n }) {
      shipper.reported(answer);
      if (answer.tick !== undefined) feed.said(answer.tick);
      provisions.heard(answer.keysEdition);
      const log = replica.log();
      if (log !== undefined) divergence.found(answer.diverged, log, applied);
    },
    onReconnected() {
      shipper.reconnected();
      // It may have been restored meanwhile, and others wait for all that was lent here to be said.
      lender.look();
    },
    onContested: () =>
      output.error({ ...caller }, "another process reports under this proxy's id: see proxy.id-in-use"),
  });
}

/** The newest: a proxy whose workers die all day has made many epochs, and said of each what there was to say. */
const reportedEpochsMax = 1_000;

function countsToWire(counts: ReadonlyMap<bigint, EpochCounts>) {
  return [...counts].slice(-reportedEpochsMax).map(([epoch, { seq, calls, refusals, open }]) => {
    return { epoch, seq, calls: BigInt(calls), refusals: BigInt(refusals), open: BigInt(open) };
  });
}
