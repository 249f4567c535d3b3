// The control plane's entry: from top to bottom what is opened, what serves, and how it stops. What is wrong from outside
// (settings, the configuration file, a port in use) is one sentence on standard error, with exit code 2 for configuration
// and 1 for the rest. Services may start in any order: a database that is not there yet is waited for.

import { readFileSync } from "node:fs";
import "reflect-metadata";
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { kafkaSecurityOf } from "@tollgate/kernel/kafka-access";
import type { Balances } from "@tollgate/kernel/lending/journal";
import { Catalogue } from "@tollgate/schema/catalogue";
import { Ledger } from "@tollgate/schema/ledger";
import { Enrolment, Provisions } from "@tollgate/schema/provisions";
import { Secrets } from "@tollgate/schema/secrets";
import { Sync } from "@tollgate/schema/sync";
import { Usage } from "@tollgate/schema/usage";
import { applyStartConfiguration, ConfigurationFileProblem, ensureAdminToken, importAtStart } from "./bootstrap.ts";
import { catalogueService } from "./catalogue/catalogue-service.ts";
import { loadConfig, redacted, type Config } from "./config.ts";
import { isConnectionFailure, openDatabase, type Database } from "./database.ts";
import { openAuthority } from "./enrolment/authority.ts";
import { enrolmentService } from "./enrolment/enrolment-service.ts";
import { ensureJoinTokenFile } from "./enrolment/first-join-token.ts";
import { openRevocations } from "./enrolment/revocations.ts";
import { createGrpcRefusals } from "./grpc-refusals.ts";
import { serve } from "./grpc-server.ts";
import { createHealth } from "./health/health.ts";
import { openKafka, TopicProblem, type KafkaDoor } from "./kafka.ts";
import { openKeyring, opensKeyring } from "./keyring/keyring.ts";
import { startComparing } from "./ledger/comparing.ts";
import { raiseLedgerIncarnation } from "./ledger/freeze.ts";
import { ledgerService } from "./ledger/ledger-service.ts";
import { LogBehind, raiseIncarnation } from "./log/incarnation.ts";
import { listedKinds } from "./listing/listed-kinds.ts";
import { openLog, type Log } from "./log-output.ts";
import { openWake } from "./log/wake.ts";
import type { Plane } from "./plane.ts";
import { replicaProjection } from "./projections/replica.ts";
import { epochKey } from "./provisions/epochs.ts";
import { openProxyDoors } from "./proxy-doors.ts";
import { provisionsService } from "./provisions/provisions-service.ts";
import { startProjections } from "./projections/runner.ts";
import { openRecordKeys } from "./relay/record-keys.ts";
import { startRelay } from "./relay/relay.ts";
import { fingerprintWith } from "./repeats/fingerprint.ts";
import { checkTail, type TailParts } from "./relay/tail.ts";
import { startForgetting } from "./repeats/forgetting.ts";
import { openSecretStore, opensWhatIsStored, readMasterKey } from "./secrets/secret-store.ts";
import { secretsService } from "./secrets/secrets-service.ts";
import { startHttp } from "./http.ts";
import { createDigests } from "./sync/digests.ts";
import { createEvidence } from "./sync/evidence.ts";
import { syncService } from "./sync/sync-service.ts";
import type { IngestParts } from "./usage/ingest.ts";
import { startReadingUnread } from "./usage/unread-facts.ts";
import { countRefusedBatches, tellRejections } from "./usage/refused-batches.ts";
import { usageConsumer, usageTopic } from "./usage/usage-consumer.ts";
import { usageService } from "./usage/usage-service.ts";

const stopMsMax = 8_000;

async function run(config: Config, log: Log): Promise<void> {
  const masterKey = await readMasterKey(config.masterKeyFile);
  if ("problem" in masterKey)
    throw new ConfigProblem(`TOLLGATE_MASTER_KEY_FILE ${config.masterKeyFile} ${masterKey.problem}`);
  const database = await databaseWhenThere(config, log);
  if (!(await opensWhatIsStored(database, masterKey)) || !(await opensKeyring(database, masterKey)))
    throw new ConfigProblem(
      `TOLLGATE_MASTER_KEY_FILE ${config.masterKeyFile} is not the key that stored secrets are encrypted with`,
    );
  const wake = await openWake(database);
  const projections = await startProjections({
    database,
    wake,
    projections: [replicaProjection, ...listedKinds.map(({ projection }) => projection)],
    onStopped: (projection) => log.error(projection, "a projection has stopped at an event that it cannot take"),
  });
  const secretStore = openSecretStore(masterKey);
  const authority = await openAuthority({ database, masterKey, nowMs: Date.now, certificateMs: config.certificateMs });
  const keyring = openKeyring({ database, masterKey, nowMs: Date.now });
  const plane: Plane = {
    ...{ database, projections, secretStore, authority, keyring, log, randomBytes, nowMs: Date.now },
    resolveSecretVariable: config.secretVariable,
    fingerprint: fingerprintWith(masterKey),
  };
  const recordKeys = openRecordKeys(keyring, Date.now);
  const kafka = config.kafkaBrokers.length === 0 ? undefined : openKafkaFor(config, log);
  if (config.incarnation !== undefined && (await raiseIncarnation(database.sql, config.incarnation)))
    log.warn({ incarnation: config.incarnation }, "the log has a new incarnation; proxies take its state anew");
  if ((await raiseLedgerIncarnation(database.sql)).isFrozen)
    log.warn({}, "the ledger lends nothing until every proxy has restated what was lent to it before the restore");
  // Before anything is written: a position that was given twice cannot be taken back.
  const mayWrite = kafka === undefined ? undefined : await tailCheck({ database, kafka, recordKeys }, log);
  await ensureAdminToken(plane, config);
  if (config.configurationFile !== undefined)
    await applyStartConfiguration(plane, { ...config, file: config.configurationFile });
  if (config.mcpFile !== undefined) await importAtStart(plane, { ...config, file: config.mcpFile });

  if (config.joinTokenFile !== undefined)
    await ensureJoinTokenFile(plane, { file: config.joinTokenFile, usesMax: config.joinTokenUsesMax });

  const onProblem = (error: unknown): void => {
    // Order is lost for every proxy, or events are, and no waiting heals it.
    if (error instanceof TopicProblem || error instanceof LogBehind) fail(error, log);
    log.warn({ err: error }, "the relay pauses");
  };
  const carrying = { database, wake, recordKeys, nowMs: Date.now, onProblem };
  const relay = kafka && mayWrite && startRelay({ ...carrying, kafka, mayWrite });
  const stopForgetting = startForgetting({
    ...{ database, nowMs: Date.now },
    onProblem: (error) => log.warn({ err: error }, "old answers could not be deleted"),
  });
  const stopReadingUnread = startReadingUnread({
    database,
    onProblem: (error) => log.warn({ err: error }, "facts that a former version left unread could not be read"),
  });
  const stopComparing = startComparing({
    database,
    onDifference: ({ account, stored, journal }) =>
      log.error(
        { account, stored: textOf(stored), journal: textOf(journal) },
        "a balance is not what its journal says",
      ),
    onProblem: (error) => log.warn({ err: error }, "balances could not be compared with their journal"),
  });
  const epochRoot = await keyring.secret("epochs");
  const refusedBatches = countRefusedBatches(log, () => performance.now());
  const facts: IngestParts = {
    database,
    keyOf: (proxyId, epoch) => epochKey(epochRoot, proxyId, epoch),
    onRefused: refusedBatches.add,
  };
  const stopUsage = kafka && consumeUsage(facts, kafka, log);
  const evidence = createEvidence(log);
  const digests = createDigests({
    database,
    onProblem: (error) => log.warn({ reason: String(error) }, "the fleet's digests could not be compared"),
  });
  const refusals = createGrpcRefusals(log, () => performance.now());
  const ledgerLoad = { exchanges: 0, statements: 0 };
  const revocations = await openRevocations(database.sql, wake);
  const doors = await openProxyDoors({
    ...{ config, database, authority, revocations, refusals, nowMs: Date.now },
    services: [
      serve(Enrolment, enrolmentService({ database, authority, nowMs: Date.now }), ["join"]),
      serve(Sync, syncService({ database, wake, projections, keyring, nowMs: Date.now, evidence, digests })),
      serve(Usage, usageService(facts)),
      serve(Secrets, secretsService(database, secretStore)),
      serve(Provisions, provisionsService(database, keyring)),
      serve(Catalogue, catalogueService({ database, nowMs: Date.now })),
      serve(Ledger, ledgerService(database, ledgerLoad)),
    ],
    onBug: (error) => log.error({ err: error }, "a proxy's request met a bug"),
    onProblem: (error) => log.error({ err: error }, "the server's certificate could not be renewed"),
  });
  const health = createHealth({
    ...{ database, projections, relay, refusedBatches, evidence },
    grpcRefusals: refusals.byCode,
    ledgerLoad,
  });
  const http = await startHttp({ config, plane, health });
  const ready = { control: http.url, controlAdmin: http.adminUrl, ...doors.urls };
  process.stdout.write(`${JSON.stringify({ ready })}\n`);
  log.info(ready, "the control plane is ready");

  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    http.leave();
    await delay(config.drainDelayMs);
    setTimeout(() => process.exit(1), stopMsMax).unref();
    await http.close();
    stopForgetting();
    stopReadingUnread();
    stopComparing();
    await Promise.all([doors.stop(), relay?.stop(), stopUsage?.()]);
    await kafka?.close();
    revocations.close();
    await projections.close();
    await wake.close();
    await database.close();
    log.info({}, "the control plane has stopped");
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());
}

function textOf(balances: Balances): Record<string, string> {
  return Object.fromEntries(Object.entries(balances).map(([name, amount]) => [name, String(amount)]));
}

async function databaseWhenThere(config: Config, log: Log): Promise<Database> {
  for (let tries = 0; ; tries++) {
    try {
      return await openDatabase({ url: config.databaseUrl, entities: listedKinds.map(({ entity }) => entity) });
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
      if (tries % 10 === 0) log.warn({ reason: String(error) }, "waiting for the database");
      await delay(500);
    }
  }
}

function openKafkaFor({ kafkaBrokers, kafkaAccess }: Config, log: Log): KafkaDoor {
  const onProblem = (problem: string): void => log.debug({ problem }, "kafka");
  return openKafka({
    brokers: kafkaBrokers,
    clientId: "tollgate-control-plane",
    security: kafkaSecurityOf(kafkaAccess, (path) => readFileSync(path, "utf8")),
    onProblem,
  });
}

/** Where no broker answers, the one who leads asks before he writes: nothing can be written to the topic before. */
async function tailCheck(parts: TailParts, log: Log): Promise<() => Promise<void>> {
  try {
    await checkTail(parts);
    return () => Promise.resolve();
  } catch (error) {
    if (error instanceof LogBehind) throw error;
    log.warn({ reason: String(error) }, "the topic's end cannot be read yet; it is read before anything is carried");
    return () => checkTail(parts);
  }
}

/** Brokers may come later than we do: it is tried until it works, while gRPC takes facts already. */
function consumeUsage(facts: IngestParts, kafka: KafkaDoor, log: Log): () => Promise<void> {
  const stopping = new AbortController();
  const { next, take } = usageConsumer(
    facts,
    tellRejections(log, () => performance.now()),
  );
  const consuming = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await kafka.ensureTopics();
        const groupId = "tollgate-usage-ingest";
        return await kafka.consume({
          topic: usageTopic,
          groupId,
          next: (partition) => next(usageTopic, partition),
          take,
        });
      } catch (error) {
        log.warn({ reason: String(error) }, "facts cannot be read from Kafka yet");
        await delay(1_000, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    return undefined;
  })();
  return async () => {
    stopping.abort();
    await (await consuming)?.stop();
  };
}

function fail(error: unknown, log: Log | undefined): never {
  const isConfiguration = error instanceof ConfigProblem;
  if (error instanceof ConfigurationFileProblem) process.stderr.write(`${error.message}\n`);
  else if (isConfiguration) process.stderr.write(`The control plane's configuration is wrong: ${error.message}.\n`);
  else
    process.stderr.write(`The control plane cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
  if (!isConfiguration) log?.error({ err: error }, "the control plane ends");
  process.exit(isConfiguration ? 2 : 1);
}

let log: Log | undefined;
try {
  const config = loadConfig();
  log = openLog(config.logLevel);
  const output = log;
  for (const event of ["uncaughtException", "unhandledRejection"] as const)
    process.on(event, (error) => fail(error, output));
  log.info({ config: redacted(config) }, "the control plane starts");
  await run(config, log);
} catch (error) {
  fail(error, log);
}
