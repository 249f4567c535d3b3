// One worker: it shares the public port, holds its own replica and its own epoch of the spool, and serves calls. It is told
// everything by the primary and asks nobody else. When told to drain it finishes what it has and exits 0; when the primary
// is gone there is nothing to serve by, and Node's cluster ends it.

import { limits } from "@tollgate/kernel/limits";
import type { Config } from "./config.ts";
import { createReplicaHolder } from "./feed/replica-holder.ts";
import { openRecorder, type Recorder } from "./facts/recorder.ts";
import { openGate, type Gate } from "./gate.ts";
import type { ToPrimary, ToWorker, WorkerStart } from "./ipc.ts";
import { listen } from "./listen.ts";
import type { Log } from "./log-output.ts";
import type { Catalogue } from "./mcp/catalogue/catalogue.ts";
import { createSealingKeys } from "./sealing/sealing-keys.ts";
import { isStale, knownOf } from "./readiness.ts";
import { createSecretValues } from "./upstream/secret-values.ts";

const spoolHintMs = 50;

export function runWorker(config: Config, log: Log): void {
  const replica = createReplicaHolder();
  const secrets = createSecretValues();
  const sealingKeys = createSealingKeys();
  // Before the first tick the view is as old as this worker at most: a line that is cut at once must not make it ageless.
  const ageMs = () => replica.ageMs() ?? performance.now() + limits.clockSkewMs;
  let secretsAreComplete = false;
  let running: { gate: Gate; recorder: Recorder } | undefined;
  const early: Catalogue[] = [];

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

  function start({ port, spoolDirectory, epoch, epochKey: key, channelSocket }: WorkerStart): void {
    const recorder = openRecorder({
      directory: spoolDirectory,
      epoch,
      key,
      nowMs: Date.now,
      maxBytes: config.spoolBytesMax,
      onWritten: hintSpool,
      onDropped: (dropped) => log.error({ dropped }, "the spool is full: its oldest facts were dropped"),
      onState: (state) => log.warn({ state }, "the recorder's state changed"),
    });
    const onSuspect = (serverId: string) => tell({ kind: "suspect", serverId });
    const servers = { channelSocket, onSuspect };
    const gate = openGate({ config, log, replica: aged, recorder, secrets, sealingKeys, waitsFor, servers });
    for (const catalogue of early) gate.mcp.catalogues.take(catalogue);
    early.length = 0;
    running = { gate, recorder };
    listen(gate.listener.server, config.host, port).then(
      () => tell({ kind: "listening" }),
      (error: unknown) => tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }),
    );
  }

  async function drain(): Promise<void> {
    if (running !== undefined) {
      await running.gate.listener.drain(config.drainMs);
      // Facts of calls that were cut at the deadline are made by their closing connections, a turn later.
      await new Promise((resolve) => setImmediate(resolve));
      await running.gate.close();
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
      case "stats-asked": {
        if (running === undefined) return;
        const { gate, recorder } = running;
        const stats = { counts: gate.counters.snapshot(), factsLost: recorder.factsLost() };
        return tell({ kind: "stats", question: message.question, stats });
      }
      case "leave":
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

function tell(message: ToPrimary): void {
  if (process.connected) process.send?.(message);
}
