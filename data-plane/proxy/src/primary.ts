// The primary process of a proxy: it owns what there must be one of. The feed from the control plane, the secrets, the way
// of the facts out of the spool, the admin port and the workers. It serves no call itself. From top to bottom: what is
// opened, what flows between, and how it stops.

import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { kafkaSecurityOf } from "@tollgate/kernel/kafka-access";
import { openAdmin } from "./admin/open-admin.ts";
import { placeOf } from "./cache/contents.ts";
import { openRestartCache } from "./cache/restart-cache.ts";
import { restore } from "./cache/restore.ts";
import type { Config } from "./config.ts";
import { openLink } from "./enrolment/link.ts";
import { DirectoryInUse } from "./facts/directory-lock.ts";
import { beginForgetting } from "./facts/ended-leases.ts";
import { openIdentity, type ProxyIdentity } from "./facts/epochs.ts";
import { runShipper, type ShipperLoop } from "./facts/shipper-loop.ts";
import { startFeed, type Feed, type FeedMessage } from "./feed/feed.ts";
import { createDivergence, type Divergence } from "./feed/divergence.ts";
import { refusalsOf, refusalTeller } from "./feed/refusals.ts";
import type { ToWorker, WorkerStart } from "./ipc.ts";
import { openKafka, type KafkaDoor } from "./kafka.ts";
import { createLender } from "./lending/lender.ts";
import { lendingTeller } from "./lending/problems.ts";
import { besideTheLedger, standsInFrom } from "./lending/succession.ts";
import { addressOf, freePort, PortProblem } from "./listen.ts";
import type { Log } from "./log-output.ts";
import { openFactsShipper, reportTo } from "./outward.ts";
import { startProvisions } from "./provisions/provisions.ts";
import { startCatalogueReport } from "./mcp/catalogue/catalogue-report.ts";
import { createReadiness, isStale, knownOf } from "./readiness.ts";
import { openRuntimeDirectory } from "./runtime-directory.ts";
import { fromWire } from "./sealing/sealing-keys.ts";
import { openSecretCache } from "./upstream/secret-cache.ts";
import { fetchSecrets } from "./upstream/secret-fetch.ts";
import { startWatcherProcess, type WatcherProcess } from "./watcher-process.ts";
import { startWorkers } from "./workers.ts";

/** What the last facts get after the calls have ended. The rest waits on disk for the next boot. */
const lastFactsMs = 1_000;
/** Who does not say that it leaves keeps its id for some seconds from the next boot. */
const lastReportMs = 500;
/** Beyond what a drain may take: whatever still waits then would wait for ever. */
const stopMsMax = 5_000;

export async function runPrimary(config: Config, log: Log): Promise<void> {
  const identity = identityOrExit(config);
  if (identity.temporaryBecause !== undefined)
    log.warn({ reason: identity.temporaryBecause }, "the data directory cannot be used: id and facts last until exit");
  // Before the link is there, which tells the workers of its certificates.
  const proxyPort = await freePort(config.host, config.proxyPort).catch(failOnPort);
  const internal = await reserveInternal(config).catch(failOnPort);
  if (internal) log.info({ internal }, "other proxies reach this one at its internal address");
  const runtimeDirectory = await runtimeDirectoryIn(identity, log);
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
  const link = configuredOrExit(() => openLink({ config, directory, caller, log, onJoined, onRevoked: forget }));
  const { control } = link;
  function onJoined(): void {
    for (const message of identityMessages()) workers.broadcast(message);
    readiness.reconsider();
  }
  /** Nobody needs it where no port is to show it. */
  function identityMessages(): ToWorker[] {
    const identity = internal && link.identity();
    return identity ? [{ kind: "internal-identity", identity }] : [];
  }
  const kafka = configuredOrExit(() => openKafkaWhere(config, log));

  const secretCache = openSecretCache({
    fetch: (ids) => fetchSecrets(control, ids),
    kept: kept?.secrets ?? [],
    onChange: () => {
      cache.secretsChanged();
      workers.broadcast(secretsMessage());
      watcher.tell(secretsMessage());
      readiness.reconsider();
    },
    log,
  });
  const secretsMessage = (): Extract<ToWorker, { kind: "secrets" }> => ({
    kind: "secrets",
    secrets: secretCache.values(),
    areComplete: secretCache.areComplete(),
  });

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
  const machineBoot = config.controlUrl.startsWith("unix:") ? besideTheLedger : undefined;
  const mayStandInFrom = standsInFrom(identity.directory, identity.usedUpTo(), machineBoot);
  beginForgetting(identity.spoolDirectory, identity.usedUpTo(), Date.now());
  const channelSocket = join(runtimeDirectory ?? mkdtempSync(join(tmpdir(), "tollgate-")), "c.sock");
  const watcher: WatcherProcess = startWatcherProcess({
    ...{ log, channelSocket },
    presentState: () => [
      ...state.messages().map((message) => ({ kind: "feed", message }) as const),
      ...(replica.view() === undefined ? [] : [secretsMessage()]),
    ],
    onCatalogue(message) {
      workers.broadcast(message);
      catalogueReport.changed();
    },
  });
  const catalogueReport = startCatalogueReport({
    report: control.catalogue.report,
    catalogues: watcher.catalogues,
    log,
  });
  // Started before the feed: their port answers, that it is not ready, while the first snapshot is on its way.
  const workers = startWorkers({
    count: config.workers,
    log,
    startOf(slot) {
      const given = provisions.take(identity.usedUpTo());
      if (given === undefined) return undefined;
      identity.use(given.epoch);
      const { epoch, key } = given;
      const { spoolDirectory, proxyId } = identity;
      const place = { proxyId, proxyBoot: caller.boot, slot, boot: randomUUID(), runtimeDirectory };
      return { port: proxyPort, spoolDirectory, epoch, epochKey: key, channelSocket, internal, ...place };
    },
    presentState: () => [
      ...state.messages().map((message) => ({ kind: "feed", message }) as const),
      ...(replica.view() === undefined ? [] : [secretsMessage()]),
      sealingMessage(),
      ...watcher.catalogues().map((catalogue) => ({ kind: "catalogue", catalogue }) as const),
      ...identityMessages(),
    ],
    onSuspect: (serverId) => watcher.tell({ kind: "suspect", serverId }),
    onListening() {
      // Not before: a proxy that ends because of its port must not be in the middle of sending.
      facts ??= runShipper(shipper, (error) => log.error({ err: error }, "the shipper of facts met a bug"));
      readiness.proxyOpened(proxyPort);
    },
    onFailed: fail,
    onLend: (epoch, batch) => lender.say(epoch, batch),
    onFactsWritten: () => facts?.wake(),
    onEpochEnded() {
      facts?.wake();
      lender.look();
    },
  });
  const lender = createLender({
    ledger: control.ledger,
    boot: caller.boot,
    spoolDirectory: identity.spoolDirectory,
    liveEpochs: () => new Set(workers.epochs()),
    standsInFrom: mayStandInFrom,
    answer: (epoch, answers) => workers.tell(epoch, { kind: "lent", answers }),
    onProblem: lendingTeller(log),
    onUntold: () =>
      log.error(
        { proxyId: identity.proxyId },
        "not all that was lent to former boots of this proxy can be said: the ledger lends nothing until it is written off",
      ),
  });
  const outward = { config, log, control, caller, kafka, identity, replica, workers, provisions, lender };
  const shipper = openFactsShipper(outward);
  let feed: Feed | undefined;
  let lasting: Divergence["nacks"] = () => [];
  const refusals = () => refusalsOf(replica.view()?.replica, lasting());
  const tellRefusals = refusalTeller(log);
  const eventsRefused = () => feed?.refused() ?? {};
  const seen = { catalogues: watcher.catalogues };
  const admin = {
    config,
    log,
    identity,
    replica,
    workers,
    shipper,
    readiness,
    cache,
    eventsRefused,
    refusals,
    ...seen,
  };
  await openAdmin(admin).catch(failOnPort);

  function take(message: FeedMessage): void {
    // To the workers first: they read a large snapshot at the same time as this process does.
    workers.broadcast({ kind: "feed", message });
    watcher.tell({ kind: "feed", message });
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
  lender.look();
  feed = await startFeed({
    ...{ log, grpc: control, kafka, provisions, begin: placeOf(state.messages()) },
    onMessage: take,
  });
  const divergence = createDivergence({ renew: feed.renew, log });
  lasting = divergence.nacks;
  const reporting = reportTo({ ...outward, divergence, refusals }, feed, shipper);

  /** Nobody trusts this machine or its disk any more: calls end where they are, and a next boot finds nothing to serve by. */
  function forget(): never {
    log.error({ code: "enrolment.proxy-revoked" }, "this proxy was revoked: it forgets what it knows and stops");
    try {
      cache.erase();
    } catch (error) {
      log.error({ err: error }, "the cache could not be removed");
    }
    identity.release();
    // The workers end with this process.
    process.exit(1);
  }

  async function stop(): Promise<void> {
    if (readiness.isDraining()) return;
    readiness.draining();
    log.info({}, "the proxy drains");
    setTimeout(() => process.exit(1), config.drainDelayMs + config.drainMs + lastFactsMs + stopMsMax).unref();
    workers.leave();
    await delay(config.drainDelayMs);
    await workers.drain(config.drainMs);
    catalogueReport.close();
    await Promise.race([lender.leave(), delay(lastReportMs)]);
    lender.close();
    await watcher.close();
    await facts?.close(lastFactsMs);
    // A draw that came after the leaving report would take the id back.
    await Promise.race([provisions.close(), delay(lastReportMs)]);
    await reporting.leave(lastReportMs);
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

async function reserveInternal({ host, internalPort, internalAddress }: Config): Promise<WorkerStart["internal"]> {
  if (internalPort === undefined) return undefined;
  const port = await freePort(host, internalPort);
  return { port, address: internalAddress ?? addressOf(host, port) };
}

/** Without one the proxy serves all the same, but for what only another worker could answer. */
async function runtimeDirectoryIn({ directory }: ProxyIdentity, log: Log): Promise<string | undefined> {
  try {
    const { path, remove } = await openRuntimeDirectory(directory);
    process.once("exit", remove);
    return path;
  } catch (error) {
    log.error({ err: error }, "the workers cannot reach each other");
    return undefined;
  }
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

function failOnPort(error: unknown): never {
  if (error instanceof PortProblem) fail(error.message);
  throw error;
}

/** Workers notice that their primary is gone and end by themselves. */
function fail(reason: string): never {
  process.stderr.write(`The proxy cannot start: ${reason}\n`);
  process.exit(1);
}
