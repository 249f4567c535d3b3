// The primary's side of its workers: starts them, gives each the present state before anything else, replaces one that died
// with a growing pause, keeps what they counted, and drains them. A worker that says that it can never serve ends the
// whole; one that merely crashes does not.

import cluster, { type Worker } from "node:cluster";
import type { LendingBatch } from "./lending/desk.ts";
import type { EpochCounts } from "./facts/recorder.ts";
import { workerHeapOptions } from "./heap.ts";
import type { OpenCounts, ToPrimary, ToWorker, WorkerStart, WorkerStats } from "./ipc.ts";
import type { Log } from "./log-output.ts";
import { addCounts, emptyCounts, type CountersSnapshot } from "./pipeline/counters.ts";

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

export type WorkerTotals = { counts: CountersSnapshot; factsLost: bigint; open: OpenCounts };

export type Workers = {
  broadcast(message: ToWorker): void;
  /** Nothing where the worker that writes the epoch is gone. */
  tell(epoch: bigint, message: ToWorker): void;
  /** Starts those that had no epoch to begin with. */
  startMissing(): void;
  /** Lets the worker that writes this epoch end what it has, and another take its place with another epoch. */
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
  applied: bigint | undefined;
  last: WorkerStats | undefined;
};

const pauseMsMin = 100;
const pauseMsMax = 10_000;
const steadyMs = 30_000;
const answerMsMax = 1_000;
export function startWorkers(parts: WorkersParts): Workers {
  const { log } = parts;
  const members = new Map<number, Member>();
  const ended: WorkerTotals = { counts: emptyCounts(), factsLost: 0n, open: { sessions: 0, streams: 0, parked: 0 } };
  const counts = new Map<bigint, EpochCounts>();
  const waiting = new Map<number, { missing: Set<number>; done: () => void }>();
  let pauseMs = pauseMsMin;
  let question = 0;
  let isLeaving = false;
  let draining = false;
  let pauses: NodeJS.Timeout[] = [];

  cluster.setupPrimary({ serialization: "advanced", execArgv: [...process.execArgv, ...workerHeapOptions] });
  /** One that died is not missing while its pause lasts. */
  function startMissing(): void {
    for (let missing = parts.count - members.size - pauses.length; missing > 0; missing--) fork();
  }

  function fork(): void {
    if (draining) return;
    const start = startOrUndefined();
    if (start === undefined) return;
    const worker = cluster.fork();
    const { slot, epoch } = start;
    const member: Member = {
      worker,
      slot,
      epoch,
      startedMs: performance.now(),
      isListening: false,
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

  /** The least that nobody is in. */
  function freeSlot(): number {
    const taken = new Set([...members.values()].map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot++;
    return slot;
  }

  /** A disk that takes no epoch costs this worker, for now, and no other. */
  function startOrUndefined(): WorkerStart | undefined {
    try {
      return parts.startOf(freeSlot());
    } catch (error) {
      log.error({ err: error, pauseMs }, "a worker cannot be started; it is tried again");
      forkLater();
      return undefined;
    }
  }

  function forkLater(): void {
    const timer = setTimeout(() => {
      pauses = pauses.filter((other) => other !== timer);
      fork();
    }, pauseMs);
    pauses.push(timer);
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
        return answered(member.worker.id, message.question);
    }
  }

  function listening(member: Member): void {
    member.isListening = true;
    parts.onListening();
  }

  function listeningCount(): number {
    return [...members.values()].filter(({ isListening }) => isListening).length;
  }

  function answered(id: number, of: number): void {
    const waiter = waiting.get(of);
    waiter?.missing.delete(id);
    if (waiter?.missing.size === 0) waiter.done();
  }

  function exited(member: Member, code: number, signal: string): void {
    members.delete(member.worker.id);
    if (member.last !== undefined) {
      addCounts(ended.counts, member.last.counts);
      ended.factsLost += member.last.factsLost;
    }
    for (const of of waiting.keys()) answered(member.worker.id, of);
    parts.onEpochEnded();
    if (draining) return;
    if (performance.now() - member.startedMs > steadyMs) pauseMs = pauseMsMin;
    log.error({ worker: member.worker.id, code, signal, pauseMs }, "a worker died and is replaced");
    forkLater();
  }

  async function totals(): Promise<WorkerTotals> {
    const asked = [...members.values()].filter(({ worker }) => worker.isConnected());
    const of = ++question;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        waiting.delete(of);
        resolve();
      };
      const timer = setTimeout(done, answerMsMax);
      waiting.set(of, { missing: new Set(asked.map(({ worker }) => worker.id)), done });
      for (const { worker } of asked) worker.send({ kind: "stats-asked", question: of } satisfies ToWorker);
      if (asked.length === 0) done();
    });
    const sum: WorkerTotals = structuredClone(ended);
    for (const { last } of members.values()) {
      if (last === undefined) continue;
      addCounts(sum.counts, last.counts);
      sum.factsLost += last.factsLost;
      for (const kind of ["sessions", "streams", "parked"] as const) sum.open[kind] += last.open[kind];
    }
    return sum;
  }

  async function drain(drainMs: number): Promise<void> {
    draining = true;
    for (const timer of pauses) clearTimeout(timer);
    const alive = [...members.values()].map(({ worker }) => worker);
    const gone = Promise.all(
      alive.map((worker) => new Promise<void>((resolve) => worker.once("exit", () => resolve()))),
    );
    for (const worker of alive) if (worker.isConnected()) worker.send({ kind: "drain" } satisfies ToWorker);
    const kill = setTimeout(() => alive.forEach((worker) => worker.process.kill("SIGKILL")), drainMs + 1_500);
    await gone;
    clearTimeout(kill);
  }

  function tell(epoch: bigint, message: ToWorker): void {
    const member = [...members.values()].find((one) => one.epoch === epoch);
    if (member?.worker.isConnected() === true) member.worker.send(message);
  }

  function broadcast(message: ToWorker): void {
    for (const { worker } of members.values()) if (worker.isConnected()) worker.send(message);
  }

  startMissing();
  return {
    broadcast,
    startMissing,
    tell,
    replace: (epoch) => tell(epoch, { kind: "drain" }),
    totals,
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
