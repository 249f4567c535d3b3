// The primary process of a proxy: it owns what there must be one of. The feed from the control plane, the secrets, the way
// of the facts out of the spool, the admin port and the workers. It serves no call itself. From top to bottom: what is
// opened, what flows between, and how it stops.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { knowledge } from "@tollgate/kernel/replica";
import { createAdminServer } from "./admin/admin-server.ts";
import { createMetrics } from "./admin/metrics.ts";
import { spoolBytes } from "./admin/spool-size.ts";
import type { Config } from "./config.ts";
import { DirectoryInUse } from "./facts/directory-lock.ts";
import { openIdentity, type ProxyIdentity } from "./facts/epochs.ts";
import { grpcSink } from "./facts/grpc-sink.ts";
import { runShipper, type ShipperLoop } from "./facts/shipper-loop.ts";
import { openShipper, type Shipper } from "./facts/shipper.ts";
import { kafkaSink } from "./facts/kafka-sink.ts";
import { startFeed, type Feed, type FeedMessage } from "./feed/feed.ts";
import { createDivergence, type Divergence } from "./feed/divergence.ts";
import { refusalsOf, refusalTeller, type Refusals } from "./feed/refusals.ts";
import { createReplicaHolder, type ReplicaHolder } from "./feed/replica-holder.ts";
import { startReporting, type Reporting } from "./feed/report.ts";
import { openControlPlane, type ControlPlane } from "./grpc.ts";
import type { ToWorker } from "./ipc.ts";
import { openKafka, type KafkaDoor } from "./kafka.ts";
import { freePort, listen, PortProblem } from "./listen.ts";
import type { Log } from "./log-output.ts";
import { startProvisions } from "./provisions/provisions.ts";
import { createReadiness, isStale, knownOf, type Readiness } from "./readiness.ts";
import { openSecretCache } from "./upstream/secret-cache.ts";
import { fetchSecrets } from "./upstream/secret-fetch.ts";
import { createWorkerState } from "./worker-state.ts";
import { startWorkers, type Workers } from "./workers.ts";

/** What the last facts get after the calls have ended. The rest waits on disk for the next boot. */
const lastFactsMs = 1_000;
const software = "tollgate-proxy/0.1.0";

export async function runPrimary(config: Config, log: Log): Promise<void> {
  const identity = identityOrExit(config);
  if (identity.temporaryBecause !== undefined)
    log.warn({ reason: identity.temporaryBecause }, "the data directory cannot be used: id and facts last until exit");
  const boot = randomUUID();
  const control = openControlPlane(config, { proxyId: identity.proxyId, boot });
  const kafka = openKafkaWhere(config, log);
  const replica = createReplicaHolder();
  const state = createWorkerState();

  const secretCache = openSecretCache({
    fetch: (ids) => fetchSecrets(control, ids),
    onChange: () => {
      workers.broadcast(secretsMessage());
      readiness.reconsider();
    },
    log,
  });
  const secretsMessage = (): ToWorker => ({
    kind: "secrets",
    secrets: secretCache.values(),
    areComplete: secretCache.areComplete(),
  });

  const provisions = startProvisions({
    control,
    kept: undefined,
    usedUpTo: identity.usedUpTo,
    onChange: () => workers.startMissing(),
    onProblem: (error) => log.warn({ reason: String(error) }, "epochs and keys cannot be drawn; it is tried again"),
  });
  let facts: ShipperLoop | undefined;
  const proxyPort = await freePort(config.host, config.proxyPort).catch(failOnPort);
  // Started before the feed: their port answers, that it is not ready, while the first snapshot is on its way.
  const workers = startWorkers({
    count: config.workers,
    log,
    startOf() {
      const given = provisions.take(identity.usedUpTo());
      if (given === undefined) return undefined;
      identity.use(given.epoch);
      const { epoch, key } = given;
      return { port: proxyPort, spoolDirectory: identity.spoolDirectory, epoch, epochKey: key };
    },
    presentState: () => [
      ...state.messages().map((message) => ({ kind: "feed", message }) as const),
      ...(replica.view() === undefined ? [] : [secretsMessage()]),
    ],
    onListening() {
      // Not before: a proxy that ends because of its port must not be in the middle of sending.
      facts ??= runShipper(shipper, (error) => log.error({ err: error }, "the shipper of facts met a bug"));
      readiness.proxyOpened(proxyPort);
    },
    onFailed: fail,
    onFactsWritten: () => facts?.wake(),
    onEpochEnded: () => facts?.wake(),
  });
  const readiness = createReadiness(config.host, () => ({
    workers: workers.listening() < config.workers,
    snapshot: replica.view() === undefined,
    // Nothing was heard for longer than a revoked key may live.
    news: isStale(knownOf(replica, config)),
    secrets: !secretCache.areComplete(),
  }));
  const outward = { config, log, control, kafka, identity, replica, workers };
  const shipper = openFactsShipper(outward);
  let feed: Feed | undefined;
  let lasting: Divergence["nacks"] = () => [];
  const refusals = () => refusalsOf(replica.view()?.replica, lasting());
  const tellRefusals = refusalTeller(log);
  const eventsRefused = () => feed?.refused() ?? {};
  await openAdmin({ config, log, identity, replica, workers, shipper, readiness, eventsRefused, refusals });

  feed = await startFeed({
    config,
    log,
    grpc: control,
    kafka,
    provisions,
    onMessage(message: FeedMessage) {
      // To the workers first: they read a large snapshot at the same time as this process does.
      workers.broadcast({ kind: "feed", message });
      replica.apply(message);
      const view = replica.view();
      if (view !== undefined) tellRefusals(view.replica);
      state.add(message, view?.replica);
      if (message.kind !== "tick" && view !== undefined) secretCache.need(view);
    },
  });
  const divergence = createDivergence({ renew: feed.renew, log });
  lasting = divergence.nacks;
  const reporting = reportTo({ ...outward, boot, divergence, refusals }, feed, shipper);

  async function stop(): Promise<void> {
    if (readiness.isDraining()) return;
    readiness.draining();
    log.info({}, "the proxy drains");
    await workers.drain(config.drainMs);
    await facts?.close(lastFactsMs);
    reporting.stop();
    provisions.close();
    await feed?.close();
    await kafka?.close();
    identity.release();
    process.exit(0);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());
}

function identityOrExit({ dataDir }: Config): ProxyIdentity {
  try {
    return openIdentity(join(dataDir, "proxy"));
  } catch (error) {
    if (error instanceof DirectoryInUse) fail(error.message);
    throw error;
  }
}

function openKafkaWhere({ kafkaBrokers: brokers }: Config, log: Log): KafkaDoor | undefined {
  const onProblem = (problem: string) => log.debug({ problem }, "kafka");
  return brokers.length === 0 ? undefined : openKafka({ brokers, clientId: "tollgate-proxy", onProblem });
}

type Outward = {
  config: Config;
  log: Log;
  control: ControlPlane;
  kafka: KafkaDoor | undefined;
  identity: ProxyIdentity;
  replica: ReplicaHolder;
  workers: Workers;
};

function openFactsShipper({ config, log, control, kafka, identity, workers }: Outward): Shipper {
  const upload = grpcSink((batch) => control.usage.upload(batch));
  return openShipper({
    directory: identity.spoolDirectory,
    proxyId: identity.proxyId,
    sinks: kafka === undefined ? [upload] : [kafkaSink(kafka.produce), upload],
    liveEpochs: () => new Set(workers.epochs()),
    maxBytes: config.spoolBytesMax,
    monotonicMs: () => performance.now(),
    wallMs: Date.now,
    onDropped: (dropped) => log.error({ dropped }, "the spool is full: its oldest facts were dropped"),
    onProblem: (problem) => log.warn({ problem }, "facts do not reach the control plane as they should"),
  });
}

type Reported = Outward & { boot: string; divergence: Divergence; refusals: () => Refusals };

/** Word back of what is applied; the answer says how far the facts have come. */
function reportTo(outward: Reported, feed: Feed, shipper: Shipper): Reporting {
  const { config, control, identity, replica, workers, boot, divergence, refusals } = outward;
  const knows = knowledge();
  return startReporting({
    control,
    report() {
      const applied = workers.applied();
      const log = replica.log();
      if (applied === undefined || log === undefined) return undefined;
      const ageMs = replica.ageMs();
      const { count, first } = refusals();
      return {
        proxyId: identity.proxyId,
        environment: config.environment,
        region: config.region,
        software,
        source: feed.status().source,
        log,
        applied,
        // The hash of another position than the least worker's would accuse the log of being another.
        ...(replica.position() === applied ? { hash: replica.hash() } : {}),
        ...(ageMs === undefined ? {} : { ageMs: BigInt(Math.ceil(ageMs)) }),
        digests: replica.digests(),
        workers: workers.listening(),
        spooled: shipper.spooled(),
        ...{ boot, knows, nacks: [...first], nackCount: BigInt(count) },
      };
    },
    onDiverged(kinds, { applied = 0n }) {
      const log = replica.log();
      if (log !== undefined) divergence.found(kinds, log, applied);
    },
    onStored: shipper.stored,
    onReconnected: shipper.reconnected,
  });
}

type AdminParts = {
  config: Config;
  log: Log;
  identity: ProxyIdentity;
  replica: ReplicaHolder;
  workers: Workers;
  shipper: Shipper;
  readiness: Readiness;
  eventsRefused: () => Readonly<Record<string, number>>;
  refusals: () => Refusals;
};

async function openAdmin(parts: AdminParts): Promise<void> {
  const { config, log, identity, replica, workers, shipper, readiness, eventsRefused, refusals } = parts;
  const replicaAgeMs = replica.ageMs;
  const metrics = createMetrics({
    totals: workers.totals,
    workersListening: workers.listening,
    replicaPosition: workers.applied,
    replicaAgeMs,
    eventsRefused,
    refusedScopes: () => refusals().count,
    spoolBytes: () => spoolBytes(identity.spoolDirectory),
  });
  const status = () => ({
    proxyId: identity.proxyId,
    workersApplied: workers.applied()?.toString() ?? null,
    ageMs: replicaAgeMs() ?? null,
    factsBy: shipper.sinkName(),
    refusedScopeCount: refusals().count,
    refusedScopes: Object.fromEntries(refusals().first.map(({ scope, reason }) => [scope, reason])),
  });
  const admin = createAdminServer({
    origins: config,
    waitsFor: readiness.waitsFor,
    known: () => knownOf(replica, config),
    view: replica.view,
    status,
    metrics,
    log,
  });
  readiness.adminOpened(await listen(admin, config.host, config.adminPort).catch(failOnPort));
}

function failOnPort(error: unknown): never {
  if (error instanceof PortProblem) fail(error.message);
  throw error;
}

/** Workers notice that their primary is gone and end by themselves. */
function fail(reason: string): never {
  process.stderr.write(`The proxy cannot start: ${reason}\n`);
  process.exit(1);
}
