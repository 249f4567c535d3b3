// The primary process of a proxy: it owns what there must be one of. The feed from the control plane, the secrets, the way
// of the facts out of the spool, the admin port and the workers. It serves no call itself. From top to bottom: what is
// opened, what flows between, and how it stops.

import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { kafkaSecurityOf } from "@tollgate/kernel/kafka-access";
import { knowledge } from "@tollgate/kernel/replica";
import { createAdminServer } from "./admin/admin-server.ts";
import { createMetrics } from "./admin/metrics.ts";
import { spoolBytes } from "./admin/spool-size.ts";
import { placeOf } from "./cache/contents.ts";
import { openRestartCache, type RestartCache } from "./cache/restart-cache.ts";
import { restore } from "./cache/restore.ts";
import type { Config } from "./config.ts";
import { openLink } from "./enrolment/link.ts";
import { DirectoryInUse } from "./facts/directory-lock.ts";
import { openIdentity, type ProxyIdentity } from "./facts/epochs.ts";
import { grpcSink } from "./facts/grpc-sink.ts";
import type { EpochCounts } from "./facts/recorder.ts";
import { runShipper, type ShipperLoop } from "./facts/shipper-loop.ts";
import { openShipper, type Shipper } from "./facts/shipper.ts";
import { kafkaSink } from "./facts/kafka-sink.ts";
import { startFeed, type Feed, type FeedMessage } from "./feed/feed.ts";
import type { ReplicaHolder } from "./feed/replica-holder.ts";
import { createDivergence, type Divergence } from "./feed/divergence.ts";
import { refusalsOf, refusalTeller, type Refusals } from "./feed/refusals.ts";
import { startReporting, type Reporting } from "./feed/report.ts";
import type { CallerIdentity, ControlPlane } from "./grpc.ts";
import type { ToWorker } from "./ipc.ts";
import { openKafka, type KafkaDoor } from "./kafka.ts";
import { freePort, listen, PortProblem } from "./listen.ts";
import type { Log } from "./log-output.ts";
import { startProvisions, type Provisions } from "./provisions/provisions.ts";
import { createReadiness, isStale, knownOf, type Readiness } from "./readiness.ts";
import { fromWire } from "./sealing/sealing-keys.ts";
import { openSecretCache } from "./upstream/secret-cache.ts";
import { fetchSecrets } from "./upstream/secret-fetch.ts";
import { startWorkers, type Workers } from "./workers.ts";

/** What the last facts get after the calls have ended. The rest waits on disk for the next boot. */
const lastFactsMs = 1_000;
/** Who does not say that it leaves keeps its id for some seconds from the next boot. */
const lastReportMs = 500;
const software = "tollgate-proxy/0.1.0";

export async function runPrimary(config: Config, log: Log): Promise<void> {
  const identity = identityOrExit(config);
  if (identity.temporaryBecause !== undefined)
    log.warn({ reason: identity.temporaryBecause }, "the data directory cannot be used: id and facts last until exit");
  // First of all, because everything that follows may have to tell it something.
  const readiness = createReadiness(config.host, () => ({
    // Who has a view out of the cache serves by it, whether or not he can join just now.
    enrolment: !link.hasJoined() && replica.view() === undefined,
    workers: workers.listening() === 0,
    snapshot: replica.view() === undefined,
    // Nothing was heard for longer than a revoked key may live.
    news: isStale(knownOf(replica, config)),
    secrets: !secretCache.areComplete(),
    "sealing-keys": provisions.stock().sealing.length === 0,
  }));
  const cache = openRestartCache({
    directory: proxyDirectory(config),
    cacheKeyFile: config.cacheKeyFile,
    proxyId: identity.proxyId,
    isTemporary: identity.temporaryBecause !== undefined,
    log,
  });
  const kept = cache.takeKept();
  // Before the control plane is asked for anything, and before a worker begins: it must not answer out of ignorance.
  const { replica, state } = restore(kept?.messages ?? [], cache.keptWasUnreadable);
  const caller = { proxyId: identity.proxyId, boot: randomUUID() };
  const { directory } = identity;
  const link = configuredOrExit(() =>
    openLink({ config, directory, caller, log, onJoined: () => readiness.reconsider() }),
  );
  const { control } = link;
  const kafka = configuredOrExit(() => openKafkaWhere(config, log));

  const secretCache = openSecretCache({
    fetch: (ids) => fetchSecrets(control, ids),
    kept: kept?.secrets ?? [],
    onChange: () => {
      cache.secretsChanged();
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

  const proxyPort = await freePort(config.host, config.proxyPort).catch(failOnPort);
  const provisions = startProvisions({
    control,
    epochsMin: 2 * config.workers,
    kept: kept?.stock,
    usedUpTo: identity.usedUpTo,
    onChange() {
      cache.stockChanged();
      workers.broadcast(sealingMessage());
      workers.startMissing();
      readiness.reconsider();
    },
    onProblem: (error) => log.warn({ reason: String(error) }, "epochs and keys cannot be drawn; it is tried again"),
  });
  const sealingMessage = (): ToWorker => ({ kind: "sealing-keys", keys: provisions.stock().sealing.map(fromWire) });
  let facts: ShipperLoop | undefined;
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
      sealingMessage(),
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
  const outward = { config, log, control, caller, kafka, identity, replica, workers, provisions };
  const shipper = openFactsShipper(outward);
  let feed: Feed | undefined;
  let lasting: Divergence["nacks"] = () => [];
  const refusals = () => refusalsOf(replica.view()?.replica, lasting());
  const tellRefusals = refusalTeller(log);
  const eventsRefused = () => feed?.refused() ?? {};
  const admin = { config, log, identity, replica, workers, shipper, readiness, cache, eventsRefused, refusals };
  await openAdmin(admin);

  function take(message: FeedMessage): void {
    // To the workers first: they read a large snapshot at the same time as this process does.
    workers.broadcast({ kind: "feed", message });
    replica.apply(message);
    const view = replica.view();
    if (view !== undefined) tellRefusals(view.replica);
    state.add(message, view?.replica);
    cache.add(message);
    if (message.kind !== "tick" && view !== undefined) secretCache.need(view);
  }
  const restored = replica.view();
  if (restored !== undefined) secretCache.need(restored);
  cache.begin(() => ({ messages: state.messages(), secrets: secretCache.held(), stock: provisions.stock() }));
  feed = await startFeed({
    ...{ config, log, grpc: control, kafka, provisions, begin: placeOf(state.messages()) },
    onMessage: take,
  });
  const divergence = createDivergence({ renew: feed.renew, log });
  lasting = divergence.nacks;
  const reporting = reportTo({ ...outward, divergence, refusals, onRevoked: () => void forget() }, feed, shipper);

  /** Nobody trusts this machine or its disk any more: calls end where they are, and a next boot finds nothing to serve by. */
  async function forget(): Promise<void> {
    log.error({ code: "enrolment.proxy-revoked" }, "this proxy was revoked: it forgets what it knows and stops");
    await cache.erase().catch((error: unknown) => log.error({ err: error }, "the cache could not be removed"));
    identity.release();
    // The workers end with this process.
    process.exit(1);
  }

  async function stop(): Promise<void> {
    if (readiness.isDraining()) return;
    readiness.draining();
    log.info({}, "the proxy drains");
    workers.leave();
    await delay(config.drainDelayMs);
    await workers.drain(config.drainMs);
    await facts?.close(lastFactsMs);
    await reporting.leave(lastReportMs);
    provisions.close();
    secretCache.close();
    await feed?.close();
    await cache.close();
    await kafka?.close();
    link.close();
    identity.release();
    process.exit(0);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());
}

function proxyDirectory({ dataDir }: Config): string {
  return join(dataDir, "proxy");
}

function identityOrExit(config: Config): ProxyIdentity {
  try {
    return openIdentity(proxyDirectory(config));
  } catch (error) {
    if (error instanceof DirectoryInUse) fail(error.message);
    throw error;
  }
}

/** What the settings name is looked at here first: a file that cannot be read is a mistake in them. */
function configuredOrExit<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof ConfigProblem)) throw error;
    process.stderr.write(`The proxy's configuration is wrong: ${error.message}.\n`);
    process.exit(2);
  }
}

function openKafkaWhere({ kafkaBrokers: brokers, kafkaAccess }: Config, log: Log): KafkaDoor | undefined {
  const onProblem = (problem: string) => log.debug({ problem }, "kafka");
  return brokers.length === 0
    ? undefined
    : openKafka({
        brokers,
        clientId: "tollgate-proxy",
        security: kafkaSecurityOf(kafkaAccess, (path) => readFileSync(path, "utf8")),
        onProblem,
      });
}

type Outward = {
  config: Config;
  log: Log;
  control: ControlPlane;
  caller: CallerIdentity;
  kafka: KafkaDoor | undefined;
  identity: ProxyIdentity;
  replica: ReplicaHolder;
  workers: Workers;
  provisions: Provisions;
};

function openFactsShipper({ config, log, control, kafka, identity, workers, provisions }: Outward): Shipper {
  const upload = grpcSink((batch) => control.usage.upload(batch));
  return openShipper({
    directory: identity.spoolDirectory,
    proxyId: identity.proxyId,
    sinks: kafka === undefined ? [upload] : [kafkaSink(kafka.produce), upload],
    liveEpochs: () => new Set(workers.epochs()),
    epochKey: provisions.epochKey,
    onEpochs: provisions.need,
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

type Reported = Outward & { divergence: Divergence; refusals: () => Refusals; onRevoked: () => void };

/** Word back of what is applied; the answer says how far the facts have come, and what time it is where the log is. */
function reportTo(outward: Reported, feed: Feed, shipper: Shipper): Reporting {
  const { config, control, caller, replica, workers, provisions, log: output, divergence, refusals } = outward;
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
    onReconnected: shipper.reconnected,
    onRevoked: outward.onRevoked,
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

type AdminParts = {
  config: Config;
  log: Log;
  identity: ProxyIdentity;
  replica: ReplicaHolder;
  workers: Workers;
  shipper: Shipper;
  readiness: Readiness;
  cache: RestartCache;
  eventsRefused: () => Readonly<Record<string, number>>;
  refusals: () => Refusals;
};

async function openAdmin(parts: AdminParts): Promise<void> {
  const { config, log, identity, replica, workers, shipper, readiness, cache, eventsRefused, refusals } = parts;
  const replicaAgeMs = replica.ageMs;
  const metrics = createMetrics({
    totals: workers.totals,
    workersListening: workers.listening,
    replicaPosition: workers.applied,
    replicaAgeMs,
    eventsRefused,
    refusedScopes: () => refusals().count,
    spoolBytes: () => spoolBytes(identity.spoolDirectory),
    cache: cache.counts,
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
