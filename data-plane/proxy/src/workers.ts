// The primary's side of its workers: starts them, gives each the present state before anything else, replaces one that died
// with a growing pause, keeps what they counted, and drains them. A worker that says that it can never serve ends the
// whole; one that merely crashes does not.

import cluster, { type Worker } from "node:cluster";
import type { LendingBatch } from "./lending/desk.ts";
import type { EpochCounts } from "./facts/recorder.ts";
import { workerHeapOptions } from "./heap.ts";
import type { ToPrimary, ToWorker, WorkerStart, WorkerStats } from "./ipc.ts";
import type { Log } from "./log-output.ts";
import { createTotals, type WorkerTotals } from "./worker-totals.ts";

export type WorkersParts = {
  count: number;
  log: Log;
  /** Undefined while there is no epoch for it to write. */
  startOf: (slot: number) => WorkerStart | undefined;
  /** Everything that a worker must know now, in order. */
  presentState: () => Iterable<ToWorker>;
  /** Whenever one of them begins to serve. */
  onListening: () => void;
  onFailed: (reason: string) => void;
  onSuspect: (serverId: string) => void;
  onLend: (epoch: bigint, batch: LendingBatch) => void;
  onFactsWritten: () => void;
  onEpochEnded: () => void;
};

export type Workers = {
  broadcast(message: ToWorker): void;
  /** Nothing where the worker that writes the epoch is gone. */
  tell(epoch: bigint, message: ToWorker): void;
  /** Starts those that had no epoch to begin with. */
  startMissing(): void;
  /**
   * Another takes the place of the worker that writes this epoch, with another epoch. As soon as it listens, or when it does
   * not for long, the old one ends what it has: while nobody listens the port refuses, and connections that wait for a
   * worker are never let in.
   */
  replace(epoch: bigint): void;
  /** What all workers counted since this primary started, those that ended included. */
  totals(): Promise<WorkerTotals>;
  /** How many serve. */
  listening(): number;
  /** The least position that any of those that serve has applied; undefined while one of them has none. */
  applied(): bigint | undefined;
  /** To which a worker may still write. */
  epochs(): readonly bigint[];
  /** What was counted in each epoch of this boot, those of workers that ended included. */
  counts(): ReadonlyMap<bigint, EpochCounts>;
  /** They say that they are not ready, and serve all the same; those that come later, too. */
  leave(): void;
  drain(drainMs: number): Promise<void>;
};

type Member = {
  worker: Worker;
  slot: number;
  epoch: bigint;
  startedMs: number;
  isListening: boolean;
  /** Another has its slot, or will have. */
  isReplaced: boolean;
  isDraining: boolean;
  applied: bigint | undefined;
  last: WorkerStats | undefined;
};

const pauseMsMin = 100;
const pauseMsMax = 10_000;
const steadyMs = 30_000;
/** Who is to be replaced writes where nothing leaves the disk: it goes in any case, whoever comes after it. */
const replacedMsMax = 10_000;
export function startWorkers(parts: WorkersParts): Workers {
  const { log } = parts;
  const members = new Map<number, Member>();
  const totals = createTotals();
  const counts = new Map<bigint, EpochCounts>();
  let pauseMs = pauseMsMin;
  let isLeaving = false;
  let draining = false;
  /** By slot: who died there is replaced after a while. */
  const pauses = new Map<number, NodeJS.Timeout>();

  cluster.setupPrimary({ serialization: "advanced", execArgv: [...process.execArgv, ...workerHeapOptions] });
  /** One that died is not missing while its pause lasts. */
  function startMissing(): void {
    const taken = new Set(pauses.keys());
    for (const { slot, isReplaced } of members.values()) if (!isReplaced) taken.add(slot);
    for (let slot = 0; slot < parts.count; slot++) if (!taken.has(slot)) fork(slot);
  }

  function fork(slot: number): void {
    if (draining) return;
    const start = startOrUndefined(slot);
    if (start === undefined) return;
    const worker = cluster.fork();
    const member: Member = {
      worker,
      slot,
      epoch: start.epoch,
      startedMs: performance.now(),
      isListening: false,
      isReplaced: false,
      isDraining: false,
      applied: undefined,
      last: undefined,
    };
    members.set(worker.id, member);
    // Only a worker of this same program is at the other end.
    worker.on("message", (message) => receive(member, message as ToPrimary));
    worker.on("exit", (code, signal) => exited(member, code, signal));
    worker.on("error", (error) => log.error({ err: error, worker: worker.id }, "a worker's channel failed"));
    // The state comes before the port is opened: a replacement never answers out of ignorance.
    for (const message of parts.presentState()) worker.send(message);
    worker.send({ kind: "start", start } satisfies ToWorker);
    if (isLeaving) worker.send({ kind: "leave" } satisfies ToWorker);
  }

  /** A disk that takes no epoch costs this worker, for now, and no other. */
  function startOrUndefined(slot: number): WorkerStart | undefined {
    try {
      return parts.startOf(slot);
    } catch (error) {
      log.error({ err: error, pauseMs }, "a worker cannot be started; it is tried again");
      forkLater(slot);
      return undefined;
    }
  }

  function forkLater(slot: number): void {
    const timer = setTimeout(() => {
      pauses.delete(slot);
      fork(slot);
    }, pauseMs);
    pauses.set(slot, timer);
    pauseMs = Math.min(pauseMs * 2, pauseMsMax);
  }

  function receive(member: Member, message: ToPrimary): void {
    switch (message.kind) {
      case "listening":
        return listening(member);
      case "failed":
        return parts.onFailed(message.reason);
      case "applied":
        member.applied = message.position;
        return;
      case "suspect":
        return parts.onSuspect(message.serverId);
      case "lend":
        return parts.onLend(member.epoch, message.batch);
      case "facts-written":
        counts.set(member.epoch, message.counts);
        return parts.onFactsWritten();
      case "stats":
        member.last = message.stats;
        return totals.answered(member.worker.id, message.question);
    }
  }

  function listening(member: Member): void {
    member.isListening = true;
    // Not for one that is to be replaced itself: nobody would listen until the next does.
    for (const old of member.isReplaced ? [] : members.values())
      if (old.isReplaced && old.slot === member.slot) drainOne(old);
    parts.onListening();
  }

  function replace(epoch: bigint): void {
    const member = memberOf(epoch);
    if (member === undefined || member.isReplaced) return;
    member.isReplaced = true;
    startMissing();
    // Nobody is served by it yet.
    if (!member.isListening) return drainOne(member);
    setTimeout(() => drainOne(member), replacedMsMax).unref();
  }

  function drainOne(member: Member): void {
    if (member.isDraining) return;
    member.isDraining = true;
    send(member, { kind: "drain" });
  }

  function listeningCount(): number {
    return [...members.values()].filter(({ isListening }) => isListening).length;
  }

  function exited(member: Member, code: number, signal: string): void {
    members.delete(member.worker.id);
    totals.ended(member.worker.id, member.last);
    parts.onEpochEnded();
    if (draining || (member.isDraining && code === 0)) return;
    if (member.isReplaced) return log.error({ worker: member.worker.id, code, signal }, "a worker died that was to go");
    if (performance.now() - member.startedMs > steadyMs) pauseMs = pauseMsMin;
    log.error({ worker: member.worker.id, code, signal, pauseMs }, "a worker died and is replaced");
    forkLater(member.slot);
  }

  const asked = () =>
    [...members.values()].map((member) => ({
      id: member.worker.id,
      ask: member.worker.isConnected()
        ? (question: number) => send(member, { kind: "stats-asked", question })
        : undefined,
      last: member.last,
    }));

  async function drain(drainMs: number): Promise<void> {
    draining = true;
    for (const timer of pauses.values()) clearTimeout(timer);
    const alive = [...members.values()];
    const gone = Promise.all(
      alive.map(({ worker }) => new Promise<void>((resolve) => worker.once("exit", () => resolve()))),
    );
    for (const member of alive) drainOne(member);
    const kill = setTimeout(() => alive.forEach(({ worker }) => worker.process.kill("SIGKILL")), drainMs + 1_500);
    await gone;
    clearTimeout(kill);
  }

  function tell(epoch: bigint, message: ToWorker): void {
    const member = memberOf(epoch);
    if (member !== undefined) send(member, message);
  }

  function broadcast(message: ToWorker): void {
    for (const member of members.values()) send(member, message);
  }

  function memberOf(epoch: bigint): Member | undefined {
    return [...members.values()].find((one) => one.epoch === epoch);
  }

  function send({ worker }: Member, message: ToWorker): void {
    if (worker.isConnected()) worker.send(message);
  }

  startMissing();
  return {
    broadcast,
    startMissing,
    tell,
    replace,
    totals: () => totals.sum(asked),
    listening: listeningCount,
    applied() {
      let least: bigint | undefined;
      for (const { applied, isListening } of members.values()) {
        if (!isListening) continue;
        if (applied === undefined) return undefined;
        if (least === undefined || applied < least) least = applied;
      }
      return least;
    },
    counts: () => counts,
    leave() {
      isLeaving = true;
      broadcast({ kind: "leave" });
    },
    epochs: () => [...members.values()].map(({ epoch }) => epoch),
    drain,
  };
}
