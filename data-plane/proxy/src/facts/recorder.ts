// Writes the facts of one worker into its own epoch of the spool. `seq` is contiguous from 1; all records of one turn of
// the event loop become one write, and only then are their callers told, so that a response can wait for its fact at the
// price of a turn. The operating system has the bytes by then: they survive this process, not the machine. Where the disk
// refuses, calls go on being served: a full disk of telemetry must not stop the work of everybody. The facts of that time
// are counted, `state()` says so, and once there is space again the sequence shows their loss by a segment that begins
// after it (see spool-file.ts). Nothing is sent from here.
import { closeSync, ftruncateSync, mkdirSync, openSync, unlinkSync, writeSync } from "node:fs";
import type { FactInit } from "./fact-writer.ts";
import { createFactWriter } from "./fact-writer.ts";
import type { Dropped } from "./spool-file.ts";
import { boundSpool, epochPath, segmentBytesMax, segmentPath } from "./spool-file.ts";

/** `lost`: the disk refused it, and the caller goes on all the same. */
export type RecordOutcome = "durable" | "lost";

export type RecorderState =
  { readonly kind: "recording" } | { readonly kind: "failing"; readonly reason: string; readonly sinceMs: number };

export type Recorder = {
  readonly epoch: bigint;
  record(init: FactInit, onDone?: (outcome: RecordOutcome) => void): bigint;
  /** The last `seq` that was given out. */
  lastSeq(): bigint;
  /** All facts that this recorder could not write. */
  factsLost(): bigint;
  state(): RecorderState;
  /** Writes what is waiting; nothing may be recorded afterwards. */
  close(): void;
};

export type RecorderOptions = {
  readonly directory: string;
  readonly epoch: bigint;
  /** The wall clock, for the facts' time. */
  readonly nowMs: () => number;
  /** Of the whole spool, all epochs together. */
  readonly maxBytes: number;
  readonly segmentBytes?: number;
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
  const { directory, epoch, nowMs } = options;
  const segmentBytes = Math.min(options.segmentBytes ?? segmentBytesMax, Math.max(1, Math.floor(options.maxBytes / 4)));
  let seq = 0n;
  const waiting = createFactWriter();
  let callbacks: ((outcome: RecordOutcome) => void)[] = [];
  let segment: { file: number; path: string; size: number } | undefined;
  let lost = 0n;
  let state: RecorderState = { kind: "recording" };
  let retryAtMs = 0;
  let turn: NodeJS.Immediate | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isClosed = false;

  function record(init: FactInit, onDone?: (outcome: RecordOutcome) => void): bigint {
    if (isClosed) throw new Error("a closed recorder was given a fact");
    waiting.add(seq + 1n, Math.trunc(nowMs()), init);
    seq += 1n;
    if (onDone !== undefined) callbacks.push(onDone);
    turn ??= setImmediate(flush);
    return seq;
  }

  function flush(): void {
    if (turn !== undefined) clearImmediate(turn);
    turn = undefined;
    const count = BigInt(waiting.count());
    const done = callbacks;
    callbacks = [];
    if (count === 0n) return;
    const outcome = write(waiting.take(), count);
    if (outcome === "lost") lost += count;
    const thrown: unknown[] = [];
    for (const callback of done) {
      try {
        callback(outcome);
      } catch (error) {
        thrown.push(error);
      }
    }
    if (outcome === "durable") options.onWritten?.();
    // One caller's bug must not leave the others waiting for their fact; it still ends where bugs end.
    if (thrown.length > 0) throw new AggregateError(thrown, "who waited for a fact failed");
  }

  function write(records: Uint8Array, count: bigint): RecordOutcome {
    if (state.kind === "failing" && nowMs() < retryAtMs && nowMs() >= state.sinceMs && !isClosed) return "lost";
    try {
      if (segment !== undefined && segment.size + records.length > segmentBytes) closeSegment();
      segment ??= openSegment(seq - count + 1n);
      writeAll(segment.file, records);
      segment.size += records.length;
      enter({ kind: "recording" });
      return "durable";
    } catch (error) {
      fail(error);
      return "lost";
    }
  }

  function openSegment(firstSeq: bigint): { file: number; path: string; size: number } {
    mkdirSync(epochPath(directory, epoch), { recursive: true });
    const dropped = boundSpool(directory, options.maxBytes - segmentBytes, () => true);
    if (dropped.segments > 0) options.onDropped?.(dropped);
    const path = segmentPath(directory, epoch, firstSeq);
    return { file: openSync(path, "ax", 0o600), path, size: 0 };
  }

  /** What was half written is taken back, so that the batch is lost as a whole and its callers were told the truth. */
  function fail(error: unknown): void {
    if (segment !== undefined) {
      const { file, path, size } = segment;
      attempt(() => ftruncateSync(file, size));
      closeSegment();
      if (size === 0) attempt(() => unlinkSync(path));
    }
    retryAtMs = nowMs() + retryMs;
    enter({ kind: "failing", reason: error instanceof Error ? error.message : String(error), sinceMs: nowMs() });
    retry ??= setTimeout(sayLoss, retryMs).unref();
  }

  /** So that a loss is known even if no fact ever follows it. */
  function sayLoss(): void {
    retry = undefined;
    if (state.kind === "recording" || waiting.count() > 0) return;
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

  return { epoch, record, lastSeq: () => seq, factsLost: () => lost, state: () => state, close };
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += writeSync(file, bytes, written, bytes.length - written);
  }
}

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // A torn end of a segment is what the reader expects of a crash anyway.
  }
}
