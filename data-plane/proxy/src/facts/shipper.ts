// Brings the facts of every epoch on disk to the ingest, in order, and frees the disk of what is stored there: one step at a
// time, run by the proxy's primary process. All it believes is the watermark, which a sink answers at once or which comes
// back on a report; from there it sends again whenever the watermark stands still. So each fact arrives at least once, and
// the ingest counts it once. In memory it holds one batch. Time is handed in; `shipper-loop.ts` says when to step.
import { create } from "@bufbuild/protobuf";
import { batchMac } from "@tollgate/kernel/fact-chain";
import { limits } from "@tollgate/kernel/limits";
import type { FactCursor } from "@tollgate/schema/sync";
import { FactCursorSchema } from "@tollgate/schema/sync";
import { FactBatchSchema } from "@tollgate/schema/usage";
import type { FactSink, SinkAnswer } from "./sink.ts";
import { openSinkChoice } from "./sink-choice.ts";
import type { Dropped } from "./spool-file.ts";
import { boundSpool, listEpochs, removeEpoch, retiredMs, retireEpoch, trimEpoch } from "./spool-file.ts";
import { concludeEpoch } from "./conclude.ts";
import { noteForgotten } from "./ended-leases.ts";
import { hmac } from "./node-hashes.ts";
import type { EpochReader, Stretch } from "./spool-reader.ts";
import { lossOf, openEpochReader, readingRoom } from "./spool-reader.ts";

export type ShipperOptions = {
  readonly directory: string;
  readonly proxyId: string;
  /** In order of preference. */
  readonly sinks: readonly [FactSink, ...FactSink[]];
  /** The epochs to which a worker may still write; every other one ends with what is on disk. */
  readonly liveEpochs: () => ReadonlySet<bigint>;
  /** Undefined while the control plane has not been asked: the epoch's facts wait. */
  readonly epochKey: (epoch: bigint) => Uint8Array | undefined;
  /** The epochs on disk, whenever they change: their keys are needed, and no others. */
  readonly onEpochs: (epochs: readonly bigint[]) => void;
  /** Whether somebody has yet to read what the leases of an epoch stood at. */
  readonly isHeld?: (epoch: bigint) => boolean;
  /** Of the whole spool. */
  readonly maxBytes: number;
  /** Only its differences are used. */
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly onDropped?: (dropped: Dropped) => void;
  readonly onProblem?: (problem: ShipperProblem) => void;
};

export type ShipperProblem =
  | { readonly kind: "send-failed"; readonly sink: string; readonly error: unknown }
  | { readonly kind: "watermark-stalled"; readonly sink: string; readonly epoch: bigint; readonly stored: bigint }
  | { readonly kind: "refused"; readonly sink: string; readonly epoch: bigint; readonly reason: string }
  /** Somebody else writes in the epoch: this directory, or that one, is a copy. */
  | { readonly kind: "forked"; readonly epoch: bigint; readonly reason: string }
  /** Calls whose outcome nobody will know, found when their worker was gone. */
  | { readonly kind: "interrupted"; readonly epoch: bigint; readonly calls: number }
  | { readonly kind: "disk-failed"; readonly epoch: bigint; readonly error: unknown }
  | { readonly kind: "sink-changed"; readonly sink: string };

/** `waiting`: nothing is left to send now; `more`: step again at once; `failed`: not before a pause. */
export type StepResult = "waiting" | "more" | "failed";

/** What a report's answer says of facts. */
export type ReportedFacts = { readonly stored: readonly FactCursor[]; readonly forked: readonly bigint[] };

export type Shipper = {
  step(): Promise<StepResult>;
  /** A report's answer. */
  reported(facts: ReportedFacts): void;
  /** The control plane is back: what was sent into the dark is sent again without waiting. */
  reconnected(): void;
  /** For the report: how far each epoch on disk goes. */
  spooled(): FactCursor[];
  /** Whether everything on disk is stored. */
  isDrained(): boolean;
  sinkName(): string;
};

type Taken = Extract<SinkAnswer, { kind: "stored" | "taken" }>;

type Epoch = {
  readonly epoch: bigint;
  readonly reader: EpochReader;
  stored: bigint;
  sent: bigint;
  /** Up to where the disk was freed. */
  trimmed: bigint;
  /** When something was last sent, or the watermark last moved. */
  movedMs: number;
  stalls: number;
  /** Its worker is gone, and what that one left open has been told. */
  isConcluded: boolean;
  /** It will never be taken in; the facts stay on disk for whoever looks into it. */
  isForked: boolean;
  /** Since when nothing is left of it but its number of facts. */
  retiredMs: number | undefined;
  /** A report's answer has named it: only then is it known what a retired one has to say. */
  isKnown: boolean;
};

/** Facts of one epoch under way; more would only be repeated when the watermark stands still. */
const windowFacts = 10_000n;
/** With its envelope far below the 1 MiB that a broker takes. */
const batchBytesMax = 512 * 1024;
export const stallMs = 5_000;
const boundEveryMs = 1_000;
/** Longer than backups that anyone would restore a running system from; of an older one the ledger has to be told by hand. */
const retiredKeptMs = 8 * 24 * 3_600_000;
const retiredEpochsMax = 500;
/** Doublings of the above while nothing moves: an outage of a day must not fill a topic with repetitions. */
const stallDoublingsMax = 6;

export function openShipper(options: ShipperOptions): Shipper {
  const { directory, proxyId, monotonicMs, wallMs } = options;
  const epochs = new Map<bigint, Epoch>();
  const memory = readingRoom();
  let boundedMs = Number.NEGATIVE_INFINITY;
  let needed = "";
  const choice = openSinkChoice(options.sinks, monotonicMs, (sink) => report({ kind: "sink-changed", sink }));
  const report = (problem: ShipperProblem): void => options.onProblem?.(problem);

  function scan(): Epoch[] {
    const onDisk = listEpochs(directory);
    for (const epoch of onDisk) {
      if (epochs.has(epoch)) continue;
      const reader = openEpochReader(directory, epoch, wallMs, memory);
      const progress = { stored: 0n, sent: 0n, trimmed: 0n, movedMs: monotonicMs(), stalls: 0 };
      const state = { isConcluded: false, isForked: false, isKnown: false };
      epochs.set(epoch, { epoch, reader, ...progress, ...state, retiredMs: retiredMs(directory, epoch) });
    }
    for (const epoch of epochs.keys()) if (!onDisk.includes(epoch)) epochs.delete(epoch);
    const wanted = [...new Set([...onDisk, ...options.liveEpochs()])];
    if (wanted.join() !== needed) options.onEpochs(wanted);
    needed = wanted.join();
    return [...epochs.values()].sort((a, b) => (a.epoch < b.epoch ? -1 : 1));
  }

  async function step(): Promise<StepResult> {
    keepBound();
    const results = new Set<StepResult>();
    for (const epoch of scan()) {
      const result = await stepOf(epoch);
      results.add(result);
      // The line is down for all of them.
      if (result === "failed" && choice.isFailing()) break;
    }
    return results.has("more") ? "more" : results.has("failed") ? "failed" : "waiting";
  }

  /** One epoch that cannot be read or concluded, on a full or broken disk say, holds up no other. */
  async function stepOf(epoch: Epoch): Promise<StepResult> {
    try {
      resendWhenStalled(epoch);
      const result = await sendNext(epoch);
      tidy(epoch);
      return result;
    } catch (error) {
      report({ kind: "disk-failed", epoch: epoch.epoch, error });
      return "failed";
    }
  }

  /** A look at every file, so not at each step: recorders keep the bound themselves whenever they begin a segment. */
  function keepBound(): void {
    if (monotonicMs() < boundedMs + boundEveryMs) return;
    boundedMs = monotonicMs();
    const live = options.liveEpochs();
    const dropped = boundSpool(directory, options.maxBytes, (epoch) => live.has(epoch));
    if (dropped.segments > 0) options.onDropped?.(dropped);
  }

  async function sendNext(epoch: Epoch): Promise<StepResult> {
    const room = epoch.stored + windowFacts - epoch.sent;
    const key = options.epochKey(epoch.epoch);
    if (room <= 0n || key === undefined || epoch.isForked || isAtRest(epoch)) return "waiting";
    const bound = { factsMax: Math.min(limits.factsPerBatchMax, Number(room)), bytesMax: batchBytesMax };
    // What is there goes first: it frees the space that the epoch's conclusion may need.
    let stretch = epoch.reader.read(epoch.sent, bound);
    if (stretch === undefined && conclude(epoch, key)) stretch = epoch.reader.read(epoch.sent, bound);
    if (stretch === undefined) return "waiting";
    const answer = await send(epoch, key, stretch);
    if (answer === undefined) return "failed";
    switch (answer.kind) {
      case "forked":
        fork(epoch, answer.reason);
        return "waiting";
      case "refused":
        report({ kind: "refused", sink: choice.active().name, epoch: epoch.epoch, reason: answer.reason });
        return sendLoss(epoch, key, stretch);
      case "stored":
      case "taken":
        return settle(epoch, answer, stretch);
    }
  }

  /** In the place of a batch that the ingest will never take, so that the epoch does not end there. */
  async function sendLoss(epoch: Epoch, key: Uint8Array, { first, last }: Stretch): Promise<StepResult> {
    const loss = lossOf(first - 1n, last, "refused", wallMs());
    const answer = await send(epoch, key, loss);
    if (answer?.kind === "stored" || answer?.kind === "taken") return settle(epoch, answer, loss);
    choice.failed();
    return "failed";
  }

  /** Whether it added facts. */
  function conclude(epoch: Epoch, key: Uint8Array): boolean {
    if (epoch.isConcluded || options.liveEpochs().has(epoch.epoch)) return false;
    const calls = concludeEpoch(directory, epoch.epoch, key);
    epoch.isConcluded = true;
    if (calls > 0) report({ kind: "interrupted", epoch: epoch.epoch, calls });
    return calls > 0;
  }

  async function send({ epoch }: Epoch, key: Uint8Array, { before, facts }: Stretch): Promise<SinkAnswer | undefined> {
    const sink = choice.active();
    const content = { proxyId, epoch, before, facts: [...facts] };
    try {
      const answer = await sink.send(create(FactBatchSchema, { ...content, mac: batchMac(hmac, key, content) }));
      choice.succeeded();
      return answer;
    } catch (error) {
      report({ kind: "send-failed", sink: sink.name, error });
      choice.failed();
      // It may have arrived or not. `sent` stays, so the same batch is the next to go.
      return undefined;
    }
  }

  /** What came in while this batch was under way is left to the next step: a few facts by themselves cost as much as many. */
  function settle(epoch: Epoch, answer: Taken, { last, isCut }: Stretch): StepResult {
    epoch.movedMs = monotonicMs();
    if (answer.kind !== "stored") {
      if (last > epoch.sent) epoch.sent = last;
      return isCut ? "more" : "waiting";
    }
    const isMoved = answer.stored !== epoch.stored;
    if (isMoved) epoch.stalls = 0;
    // Also where it is lower than what was heard before: a restored database has forgotten.
    epoch.stored = answer.stored;
    epoch.sent = answer.stored;
    if (!isMoved) return "failed";
    return isCut || answer.stored < last ? "more" : "waiting";
  }

  function resendWhenStalled(epoch: Epoch): void {
    if (epoch.sent <= epoch.stored) return;
    const patience = stallMs * 2 ** Math.min(epoch.stalls, stallDoublingsMax);
    if (monotonicMs() - epoch.movedMs < patience) return;
    report({ kind: "watermark-stalled", sink: choice.active().name, epoch: epoch.epoch, stored: epoch.stored });
    epoch.stalls += 1;
    epoch.sent = epoch.stored;
    choice.stalled();
  }

  function tidy(epoch: Epoch): void {
    if (epoch.retiredMs !== undefined) return forget(epoch, epoch.retiredMs);
    if (epoch.trimmed !== epoch.stored) trimEpoch(directory, epoch.epoch, epoch.stored);
    epoch.trimmed = epoch.stored;
    if (!epoch.isConcluded || epoch.isForked || epoch.stored < epoch.sent) return;
    if (options.isHeld?.(epoch.epoch) === true) return;
    if (epoch.reader.read(epoch.stored, { factsMax: 1, bytesMax: 1 }) !== undefined) return;
    retireEpoch(directory, epoch.epoch, epoch.stored);
    epoch.retiredMs = wallMs();
  }

  /** A retired epoch speaks only where the store says that it has less than it had. */
  function isAtRest({ retiredMs, isKnown, stored, reader }: Epoch): boolean {
    return retiredMs !== undefined && (!isKnown || stored >= reader.lastSeq());
  }

  function forget({ epoch }: Epoch, sinceMs: number): void {
    const retired = [...epochs.values()].filter((other) => other.retiredMs !== undefined).length;
    if (wallMs() - sinceMs < retiredKeptMs && retired <= retiredEpochsMax) return;
    noteForgotten(directory, epoch, sinceMs);
    removeEpoch(directory, epoch);
    epochs.delete(epoch);
  }

  function reported({ stored, forked }: ReportedFacts): void {
    for (const epoch of forked) fork(epochs.get(epoch), "the store has other facts of it");
    for (const { epoch: of, seq, link } of stored) {
      const epoch = epochs.get(of);
      if (epoch === undefined || epoch.isForked) continue;
      epoch.isKnown = true;
      if (seq === epoch.stored) continue;
      // What is stored there is somebody else's, and to take it for ours would be to throw ours away.
      const own = link.length === 0 ? undefined : epoch.reader.linkAt(seq);
      const isBeyond = options.liveEpochs().has(of) && seq > epoch.reader.lastSeq();
      if (isBeyond || (own !== undefined && Buffer.compare(own, link) !== 0)) {
        fork(
          epoch,
          isBeyond ? `the store has ${seq} facts, more than were written` : `fact ${seq} of the store is another`,
        );
        continue;
      }
      // Reports are answered one after the other, so a lower number is no late answer: a restored database has forgotten.
      if (epoch.sent < seq || seq < epoch.stored) epoch.sent = seq;
      epoch.stored = seq;
      epoch.movedMs = monotonicMs();
      epoch.stalls = 0;
    }
  }

  function fork(epoch: Epoch | undefined, reason: string): void {
    if (epoch === undefined || epoch.isForked) return;
    epoch.isForked = true;
    report({ kind: "forked", epoch: epoch.epoch, reason });
  }

  function reconnected(): void {
    for (const epoch of epochs.values()) {
      epoch.sent = epoch.stored;
      epoch.stalls = 0;
    }
  }

  function spooled(): FactCursor[] {
    return scan().map(({ epoch, reader }) => {
      const seq = reader.lastSeq();
      const link = reader.linkAt(seq);
      return create(FactCursorSchema, { epoch, seq, ...(link ? { link } : {}) });
    });
  }

  function isDrained(): boolean {
    const live = options.liveEpochs();
    return scan().every(({ epoch, reader, stored, sent, retiredMs, isConcluded }) => {
      if (retiredMs !== undefined) return true;
      // Who is gone may have left calls open, of which there will be facts.
      if (sent !== stored || !(isConcluded || live.has(epoch))) return false;
      return reader.read(stored, { factsMax: 1, bytesMax: 1 }) === undefined;
    });
  }

  return { step, reported, reconnected, spooled, isDrained, sinkName: () => choice.active().name };
}
