// Writes what one worker has to say into its own epoch of the spool: the intent of a call before the call goes out, and its
// outcome after. `seq` is contiguous from 1. While several calls are under way the records of a turn of the event loop become one
// write, and only then are their callers told, so that a request can wait for its intent and a response for its fact at the
// price of a turn; a call that is alone waits for none. The operating system has the bytes by then: they survive this process,
// not the machine. Where the disk refuses, calls go on being served: a full disk of telemetry must not stop the work of
// everybody. The facts of that time are counted, `state()` says so, and once there is space again the sequence shows their loss
// by a segment that begins after it (see spool-file.ts). Nothing is sent from here.
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, unlinkSync, writeSync } from "node:fs";
import type { FactInit, IntentInit } from "./fact-writer.ts";
import { createFactWriter } from "./fact-writer.ts";
import type { Dropped } from "./spool-file.ts";
import { boundSpool, epochPath, segmentBytesMax, segmentPath } from "./spool-file.ts";
import { TextTable } from "../text-table.ts";
import { markBelieved, unmarkBelieved, type TotalsSource } from "./totals.ts";

/** `lost`: the disk refused it, and the caller goes on all the same. */
export type RecordOutcome = "durable" | "lost";

export type RecorderState =
  { readonly kind: "recording" } | { readonly kind: "failing"; readonly reason: string; readonly sinceMs: number };

/** Of an epoch, from its beginning, whatever became of it since: what a report says of facts that never arrived. */
export type EpochCounts = { seq: bigint; calls: number; refusals: number; open: number };

export type Recorder = {
  readonly epoch: bigint;
  /** Before a call goes out. Its fact, which has the same request id, ends it. */
  intend(init: IntentInit, onDone: (outcome: RecordOutcome) => void): void;
  record(init: FactInit, onDone?: (outcome: RecordOutcome) => void): bigint;
  /**
   * Writes what leases stand at, at once: before anything is said or done that a successor has to know. What else was waiting
   * goes along, and its callers are told in their turn.
   */
  keepTotals(): void;
  /** Whether calls may hold what leases lend: not where a successor would take for unspent what was spent. */
  mayHold(): boolean;
  /** The last `seq` that was given out. */
  lastSeq(): bigint;
  counts(): EpochCounts;
  /** All facts that this recorder could not write. */
  factsLost(): bigint;
  state(): RecorderState;
  /** Writes what is waiting; nothing may be recorded afterwards. */
  close(): void;
};

export type RecorderOptions = {
  readonly directory: string;
  readonly epoch: bigint;
  readonly key: Uint8Array;
  /** The wall clock, for the facts' time. */
  readonly nowMs: () => number;
  /** Of the whole spool, all epochs together. */
  readonly maxBytes: number;
  readonly segmentBytes?: number;
  /** What the worker's leases stand at is written with each turn's records, and with what begins a segment. */
  readonly totals?: TotalsSource;
  /** Of the proxy: those leases are lent to it. */
  readonly proxyBoot?: string;
  /** After each write: the hint that wakes the shipper. */
  readonly onWritten?: () => void;
  /** When the bound of the spool removed the oldest facts. */
  readonly onDropped?: (dropped: Dropped) => void;
  /** When the state changes. */
  readonly onState?: (state: RecorderState) => void;
};

/** How often a refusing disk is tried again; in between, facts are counted without a system call. */
const retryMs = 250;

export function openRecorder(options: RecorderOptions): Recorder {
  const { directory, epoch, key, nowMs } = options;
  const segmentBytes = Math.min(options.segmentBytes ?? segmentBytesMax, Math.max(1, Math.floor(options.maxBytes / 4)));
  let seq = 0n;
  const waiting = createFactWriter(key);
  /** The calls under way. */
  const open = new TextTable<IntentInit>();
  const counted = { calls: 0, refusals: 0 };
  let callbacks: ((outcome: RecordOutcome) => void)[] = [];
  /** Of what those who wait have to be told of: lost where any of it was. */
  let turnOutcome: RecordOutcome = "durable";
  let segment: OpenSegment | undefined;
  let madeFirstSeq: bigint | undefined;
  let lost = 0n;
  let state: RecorderState = { kind: "recording" };
  let retryAtMs = 0;
  /** Whether callers are about to be told; closing may be sooner than their turn. */
  let isDue = false;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;
  let isBelieved =
    options.totals !== undefined && attempt(() => markBelieved(directory, epoch, options.proxyBoot ?? ""));
  let isMisleading = false;

  function intend(init: IntentInit, onDone: (outcome: RecordOutcome) => void): void {
    if (isClosed) throw new Error("a closed recorder was given an intent");
    waiting.addIntent(init);
    const isAlone = open.size === 0;
    open.set(init.requestId, init);
    soon(onDone, isAlone);
  }

  function record(init: FactInit, onDone?: (outcome: RecordOutcome) => void): bigint {
    if (isClosed) throw new Error("a closed recorder was given a fact");
    waiting.addFact(seq + 1n, Math.trunc(nowMs()), init);
    seq += 1n;
    let isAlone = false;
    if (init.kind.case === "toolCallCompleted" || init.kind.case === "modelCallCompleted") {
      open.delete(init.requestId);
      isAlone = open.size === 0;
      counted.calls += 1;
    } else counted.refusals += init.kind.case === "callsRefused" ? Number(init.kind.value.count ?? 0) : 1;
    soon(onDone, isAlone);
    return seq;
  }

  /** `isAlone`: no other call is under way, so that there is nobody to share a write with, and to wait a turn for. */
  function soon(onDone: ((outcome: RecordOutcome) => void) | undefined, isAlone: boolean): void {
    if (onDone !== undefined) callbacks.push(onDone);
    if (isDue) return;
    isDue = true;
    if (isAlone) process.nextTick(flushDue);
    else setImmediate(flushDue);
  }

  function keepTotals(): void {
    if (!isClosed) writeWaiting();
  }

  function flushDue(): void {
    if (isDue) flush();
  }

  function flush(): void {
    isDue = false;
    writeWaiting();
    const done = callbacks;
    const outcome = turnOutcome;
    callbacks = [];
    turnOutcome = "durable";
    const thrown: unknown[] = [];
    for (const callback of done) {
      try {
        callback(outcome);
      } catch (error) {
        thrown.push(error);
      }
    }
    // One caller's bug must not leave the others waiting for their fact; it still ends where bugs end.
    if (thrown.length > 0) throw new AggregateError(thrown, "who waited for a fact failed");
  }

  function writeWaiting(): void {
    waiting.addTotals(options.totals?.takeChanged() ?? []);
    if (waiting.isEmpty()) return;
    const facts = BigInt(waiting.facts());
    if (write(waiting.take(), facts) === "durable") return options.onWritten?.();
    lost += facts;
    turnOutcome = "lost";
  }

  function write(records: Uint8Array, facts: bigint): RecordOutcome {
    if (state.kind === "failing" && nowMs() < retryAtMs && nowMs() >= state.sinceMs && !isClosed) return "lost";
    try {
      const firstSeq = seq - facts + 1n;
      if (segment !== undefined && isFull(segment, records.length) && segment.firstSeq < firstSeq) closeSegment();
      segment ??= openSegment(firstSeq);
      writeInto(segment, records);
      enter({ kind: "recording" });
      return "durable";
    } catch (error) {
      fail(error);
      return "lost";
    }
  }

  /** The opening goes with the first records and not with the file: a name alone needs no space on a full disk. */
  function writeInto(into: OpenSegment, records: Uint8Array): void {
    if (into.size === 0) {
      const opening = waiting.opening(open.values(), options.totals?.all());
      writeAll(into.file, opening);
      into.opening = opening.length;
      into.size = opening.length;
    }
    writeAll(into.file, records);
    into.size += records.length;
  }

  function openSegment(firstSeq: bigint): OpenSegment {
    mkdirSync(epochPath(directory, epoch), { recursive: true });
    const dropped = boundSpool(directory, options.maxBytes - segmentBytes, () => true);
    if (dropped.segments > 0) options.onDropped?.(dropped);
    const path = segmentPath(directory, epoch, firstSeq);
    // A file that is there is only gone on with if this recorder made it: it may hold intents and no fact.
    const file = openSync(path, firstSeq === madeFirstSeq ? "a" : "ax", 0o600);
    madeFirstSeq = firstSeq;
    return { file, path, firstSeq, size: fstatSync(file).size, opening: 0 };
  }

  /** What it began with does not count: else who has many calls under way would begin a segment with each write. */
  function isFull({ size, opening }: OpenSegment, more: number): boolean {
    return size - opening + more > segmentBytes;
  }

  /** What was half written is taken back, so that the batch is lost as a whole and its callers were told the truth. */
  function fail(error: unknown): void {
    disbelieve();
    if (segment !== undefined) {
      const { file, path, size, opening } = segment;
      attempt(() => ftruncateSync(file, size));
      closeSegment();
      if (size === opening) attempt(() => unlinkSync(path));
    }
    retryAtMs = nowMs() + retryMs;
    enter({ kind: "failing", reason: error instanceof Error ? error.message : String(error), sinceMs: nowMs() });
    retry ??= setTimeout(sayLoss, retryMs).unref();
  }

  /** Before a caller is told that it is lost, because calls go on all the same. */
  function disbelieve(): void {
    if (!isBelieved && !isMisleading) return;
    isBelieved = false;
    isMisleading = !attempt(() => unmarkBelieved(directory, epoch));
  }

  /** So that a loss is known even if no fact ever follows it. */
  function sayLoss(): void {
    retry = undefined;
    if (state.kind === "recording" || !waiting.isEmpty()) return;
    try {
      segment = openSegment(seq + 1n);
      enter({ kind: "recording" });
      options.onWritten?.();
    } catch (error) {
      fail(error);
    }
  }

  function enter(next: RecorderState): void {
    const isChange = state.kind !== next.kind;
    if (!isChange) return;
    state = next;
    options.onState?.(state);
  }

  function closeSegment(): void {
    const open = segment;
    segment = undefined;
    if (open !== undefined) closeSync(open.file);
  }

  function close(): void {
    isClosed = true;
    flush();
    sayLoss();
    clearTimeout(retry);
    closeSegment();
  }

  const counts = (): EpochCounts => ({ seq, ...counted, open: open.size });
  return {
    ...{
      epoch,
      intend,
      record,
      keepTotals,
      lastSeq: () => seq,
      counts,
      factsLost: () => lost,
      state: () => state,
      close,
    },
    mayHold: () => !isMisleading,
  };
}

/** `opening`: how many of its bytes are what it began with. */
type OpenSegment = { file: number; path: string; firstSeq: bigint; size: number; opening: number };

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += writeSync(file, bytes, written, bytes.length - written);
  }
}

/** Whether it went well. Where not, a torn end of a segment is what the reader expects of a crash anyway. */
function attempt(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
