// One worker: it shares the public port, holds its own replica and its own epoch of the spool, and serves calls. It is told
// everything by the primary and asks nobody else. When told to drain it finishes what it has and exits 0; when the primary
// is gone there is nothing to serve by, and Node's cluster ends it.

import { limits } from "@tollgate/kernel/limits";
import type { Config } from "./config.ts";
import { createDesk, type Desk } from "./lending/desk.ts";
import { createReplicaHolder } from "./feed/replica-holder.ts";
import { openRecorder, type Recorder } from "./facts/recorder.ts";
import { openGate, type Gate } from "./gate.ts";
import type { ToPrimary, ToWorker, WorkerStart } from "./ipc.ts";
import type { InternalIdentity } from "./internal/identity.ts";
import { createWire, type Wire } from "./internal/wire.ts";
import { nextPoll } from "./http/departure.ts";
import { listen } from "./listen.ts";
import type { Log } from "./log-output.ts";
import type { Catalogue } from "./mcp/catalogue/catalogue.ts";
import type { Neighbours } from "./mcp/placement/placement.ts";
import { createSealingKeys } from "./sealing/sealing-keys.ts";
import { isStale, knownOf } from "./readiness.ts";
import { createSecretValues } from "./upstream/secret-values.ts";

const spoolHintMs = 100;
/** Clients come back within a second of the end of their streams: spread over this long. */
const streamsMsMax = 10_000;

export function runWorker(config: Config, log: Log): void {
  const replica = createReplicaHolder();
  const secrets = createSecretValues();
  const sealingKeys = createSealingKeys();
  // Before the first tick the view is as old as this worker at most: a line that is cut at once must not make it ageless.
  const ageMs = () => replica.ageMs() ?? performance.now() + limits.clockSkewMs;
  let secretsAreComplete = false;
  let running: { gate: Gate; recorder: Recorder; wire: Wire; desk: Desk } | undefined;
  const early: Catalogue[] = [];
  /** It may come before there is a wire. */
  let identity: InternalIdentity | undefined;

  const aged = { view: replica.view, ageMs };
  const waitsFor = () => [
    ...(replica.view() === undefined ? ["snapshot"] : []),
    ...(isStale(knownOf(aged, config)) ? ["news"] : []),
    ...(secretsAreComplete ? [] : ["secrets"]),
    ...(sealingKeys.areKnown() ? [] : ["sealing-keys"]),
  ];

  let hint: NodeJS.Timeout | undefined;
  /** A message per write would cost more than the write. */
  function hintSpool(): void {
    hint ??= setTimeout(() => {
      hint = undefined;
      if (running !== undefined) tell({ kind: "facts-written", counts: running.recorder.counts() });
    }, spoolHintMs);
  }

  function start(given: WorkerStart): void {
    const { port, spoolDirectory, epoch, epochKey: key, channelSocket } = given;
    const desk = createDesk({
      epoch,
      clocks: () => ({ monotonicMs: performance.now(), wallMs: Date.now() }),
      send: (batch) => tell({ kind: "lend", batch }),
      keep: () => recorder.keepTotals(),
      autonomyMs: config.ledgerAutonomyMs,
    });
    const recorder = openRecorder({
      directory: spoolDirectory,
      epoch,
      key,
      nowMs: Date.now,
      maxBytes: config.spoolBytesMax,
      totals: desk,
      proxyBoot: given.proxyBoot,
      onWritten: hintSpool,
      onDropped: (dropped) => log.error({ dropped }, "the spool is full: its oldest facts were dropped"),
      onState: (state) => log.warn({ state }, "the recorder's state changed"),
    });
    const wire: Wire = createWire({
      ...{ start: given, host: config.host, log, onFailed: fail },
      onRequest: (request, response, from) => gate.answerPeer(request, response, from),
      onStranger: (reason) => gate.counters.strangerRefused(reason),
    });
    const gate = openGate({
      ...{ config, log, replica: aged, recorder, secrets, sealingKeys, waitsFor, desk },
      servers: { channelSocket, onSuspect: (serverId) => tell({ kind: "suspect", serverId }) },
      neighbours: neighboursOf(given, config.workers, wire),
    });
    for (const catalogue of early) gate.mcp.catalogues.take(catalogue);
    early.length = 0;
    running = { gate, recorder, wire, desk };
    if (identity !== undefined) wire.use(identity);
    // Who listens can be reached by the other workers, too.
    const opened = wire.open().then(() => listen(gate.listener.server, config.host, port));
    opened.then(() => tell({ kind: "listening" }), fail);
  }

  function fail(error: unknown): void {
    tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
  }

  async function drain(): Promise<void> {
    if (running !== undefined) {
      const { gate, wire } = running;
      // Streams last as long as they are let: they are ended first, one after the other.
      const streamsEnded = gate.mcp.drain(Math.min(config.drainMs / 2, streamsMsMax));
      const served = gate.listener.drain(config.drainMs);
      await Promise.all([served, wire.drain(config.drainMs, served), streamsEnded]);
      // Facts of calls that were cut at the deadline are made by their closing connections, which say so behind the immediates
      // of their turn. Whoever closes the gate before sees its calls fail at their providers.
      await nextPoll();
      await running.gate.close();
      await running.wire.close();
      await running.desk.leave();
      running.desk.close();
      running.recorder.close();
      tell({ kind: "facts-written", counts: running.recorder.counts() });
    }
    process.exit(0);
  }

  function receive(message: ToWorker): void {
    switch (message.kind) {
      case "start":
        return start(message.start);
      case "feed":
        replica.apply(message.message);
        running?.gate.viewChanged();
        return tell({ kind: "applied", position: replica.position() });
      case "secrets":
        secrets.replace(message.secrets);
        secretsAreComplete = message.areComplete;
        return;
      case "sealing-keys":
        return sealingKeys.replace(message.keys);
      case "catalogue":
        if (running === undefined) early.push(message.catalogue);
        return running?.gate.mcp.catalogues.take(message.catalogue);
      case "catalogues":
        return running?.gate.mcp.catalogues.keepOnly(message.serverIds);
      case "internal-identity":
        identity = message.identity;
        return running?.wire.use(identity);
      case "lent":
        return running?.desk.answered(message.answers);
      case "stats-asked": {
        if (running === undefined) return;
        const { gate, recorder } = running;
        const stats = { counts: gate.counters.snapshot(), factsLost: recorder.factsLost(), open: gate.mcp.counts() };
        return tell({ kind: "stats", question: message.question, stats });
      }
      case "leave":
        running?.wire.leave();
        return running?.gate.listener.leave();
      case "drain":
        return void drain();
    }
  }

  // The primary decides when to stop; a terminal's Ctrl-C reaches the whole group.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
  // Only the primary of this same program is at the other end.
  process.on("message", (message) => receive(message as ToWorker));
}

function neighboursOf(start: WorkerStart, workers: number, wire: Wire): Neighbours {
  const { proxyId, slot, boot, internal, runtimeDirectory } = start;
  const self = { proxyId, slot, boot, address: internal?.address ?? "" };
  // Without sockets no worker reaches another: each serves what comes to it.
  const { dialWorker, dialLife, dialProxy } = wire;
  return { self, workers: runtimeDirectory === undefined ? 1 : workers, dialWorker, dialLife, dialProxy };
}

function tell(message: ToPrimary): void {
  if (process.connected) process.send?.(message);
}
