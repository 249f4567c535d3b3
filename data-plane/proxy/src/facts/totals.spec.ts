// What a successor may believe of the leases of a worker that is gone. If it took for unspent what was spent, a budget would be
// overspent by it; if it believed nothing, each crash would strand what was lent.

import { mkdtempSync, rmSync, truncateSync, writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRecorder, type Recorder } from "./recorder.ts";
import { concludeEpoch } from "./conclude.ts";
import {
  boundSpool,
  headerBytes,
  listSegments,
  recordsIn,
  retireEpoch,
  sealRecord,
  segmentPath,
} from "./spool-file.ts";
import { refusal, testKey } from "./spool.fixture.ts";
import { lastTotals, markBelieved, printTotals, type LeaseTotals } from "./totals.ts";

const epoch = 3n;
let directory: string;
let recorder: Recorder;
let leases: Map<number, LeaseTotals>;
let changed: Set<number>;
/** What changed is not among all that there are any more. */
let isLetGo: boolean;
/** Takes the place of the system's clock. */
let nowMs = 1_000;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-totals-"));
  leases = new Map();
  changed = new Set();
  isLetGo = false;
  recorder = open();
});
afterEach(() => {
  recorder.close();
  rmSync(directory, { recursive: true });
});

function open(segmentBytes = 1 << 20): Recorder {
  const totals = {
    all: () => [...leases.values()],
    takeChanged: () => {
      const some = [...leases.values()].filter(({ lease }) => changed.has(lease));
      changed.clear();
      if (isLetGo) leases.clear();
      return some;
    },
  };
  return openRecorder({ directory, epoch, key: testKey, nowMs: () => nowMs, maxBytes: 1 << 22, segmentBytes, totals });
}

function set(lease: number, settled: bigint, open: bigint): void {
  leases.set(lease, of(lease, settled, open));
  changed.add(lease);
}

function of(lease: number, settled: bigint, open: bigint): LeaseTotals {
  return { lease, subject: `budget/b${lease}`, account: `budget/b${lease}/1/2026-11`, settled, open };
}

const last = (lease: number) => lastTotals(directory, epoch)?.find((one) => one.lease === lease);

const intent = (requestId: string) => ({ requestId, timeMs: 1n });

test("what calls hold is on disk before any of them goes out, and so is what they settled", async () => {
  set(1, 0n, 500n);
  set(2, 0n, 70n);
  const seen: unknown[] = [];
  recorder.intend(intent("a"), () => seen.push(last(1)));
  await turn();
  expect(seen).toEqual([of(1, 0n, 500n)]);
  set(1, 123n, 0n);
  recorder.record(refusal("b"), () => seen.push(last(1)));
  await turn();
  expect(seen.at(-1)).toEqual(of(1, 123n, 0n));
  expect(last(2)).toEqual(of(2, 0n, 70n));
});

test("an extension in the middle of a stream is written at once, and who waits for his intent hears in his turn", async () => {
  const heard: unknown[] = [];
  recorder.intend(intent("a"), (outcome) => heard.push(outcome));
  set(9, 0n, 9_007_199_254_740_993n);
  recorder.keepTotals();
  expect(last(9)?.open).toBe(9_007_199_254_740_993n);
  expect(heard).toEqual([]);
  await turn();
  expect(heard).toEqual(["durable"]);
});

test("each segment begins with all leases, so that those before it may be trimmed", async () => {
  recorder.close();
  recorder = open(2_000);
  for (let lease = 0; lease < 2_500; lease += 1) set(lease, BigInt(lease), 1n);
  for (let n = 0; n < 200; n += 1) {
    recorder.record(refusal(`r${n}`));
    await turn();
  }
  const segments = listSegments(directory, epoch);
  expect(segments.length).toBeGreaterThan(2);
  for (const { path } of segments.slice(0, -1)) rmSync(path);
  expect(lastTotals(directory, epoch)).toHaveLength(2_500);
  expect(last(2_499)).toEqual(of(2_499, 2_499n, 1n));
});

test("of more leases than one record says, and than the buffer held, each is written as it is", async () => {
  const all = Array.from({ length: 7_500 }, (_, lease) => of(lease + 1, BigInt(lease) ** 4n, BigInt(lease)));
  for (const { lease, settled, open } of all) set(lease, settled, open);
  await turn();
  recorder.keepTotals();
  // Into the buffer as it was before it had grown, or into another.
  for (const { lease, settled, open } of all.slice(0, 1_001)) set(lease, settled + 1n, open + 1n);
  recorder.keepTotals();
  const told = [...all.slice(0, 1_001).map(({ lease, settled, open }) => of(lease, settled + 1n, open + 1n))];
  expect(lastTotals(directory, epoch)).toEqual([...told, ...all.slice(1_001)]);
});

test("whose lease it is is said once a segment, also of one that is let go before the segment begins", async () => {
  for (const settled of [1n, 2n, 3n]) {
    set(7, settled, 0n);
    recorder.keepTotals();
    await turn();
  }
  const [first] = listSegments(directory, epoch);
  const kinds = [...recordsIn(readFileSync(first?.path ?? ""))].map(({ kind }) => kind);
  expect(kinds).toEqual(["begin", "leases", "totals", "leases", "totals", "totals", "totals"]);
  recorder.close();
  rmSync(first?.path ?? "");
  recorder = open(1);
  recorder.record(refusal("a"));
  await turn();
  isLetGo = true;
  set(7, 4n, 0n);
  recorder.record(refusal("b"));
  await turn();
  const [before, newest] = listSegments(directory, epoch);
  rmSync(before?.path ?? "");
  expect(newest?.firstSeq).toBe(2n);
  expect(last(7)).toEqual(of(7, 4n, 0n));
});

test("a lease that is written down before its account is known says it as soon as it is", async () => {
  for (const file of [1 << 20, 1]) {
    recorder.close();
    rmSync(directory, { recursive: true });
    recorder = open(file);
    leases.set(7, { ...of(7, 0n, 0n), account: "" });
    changed.add(7);
    recorder.record(refusal("a"));
    await turn();
    set(7, 0n, 9n);
    recorder.keepTotals();
    await turn();
    expect(last(7)).toEqual(of(7, 0n, 9n));
  }
});

test("records of a former version, which do not say whose lease it is, stay readable", () => {
  set(1, 5n, 6n);
  const path = segmentPath(directory, epoch, 1n);
  writeFileSync(
    path,
    Buffer.concat(
      printTotals([of(1, 5n, 6n)]).map(({ kind, content }) => {
        const record = Buffer.concat([Buffer.alloc(headerBytes), content]);
        sealRecord(record, 0, record.length, kind);
        return record;
      }),
    ),
  );
  expect(last(1)).toEqual({ ...of(1, 5n, 6n), subject: "", account: "" });
  rmSync(path);
});

test("an amount for which there is no room is kept as the most that there is room for", () => {
  set(1, 2n ** 63n, 2n ** 63n - 1n);
  recorder.keepTotals();
  expect(last(1)).toEqual(of(1, 2n ** 63n - 1n, 2n ** 63n - 1n));
});

test("what is made of calls that a killed worker left open does not take the place of what they held", async () => {
  set(1, 0n, 500n);
  recorder.intend(intent("a"), () => undefined);
  await turn();
  expect(concludeEpoch(directory, epoch, testKey)).toBe(1);
  expect(last(1)).toEqual(of(1, 0n, 500n));
});

test("of an epoch of which only the number of facts is left nothing is believed", async () => {
  set(1, 5n, 0n);
  recorder.record(refusal("a"));
  await turn();
  recorder.close();
  retireEpoch(directory, epoch, 1n);
  expect(lastTotals(directory, epoch)).toBeUndefined();
  markBelieved(directory, epoch, "b");
  expect(lastTotals(directory, epoch)).toBeUndefined();
});

test("where the newest segment was torn at its beginning, what was before it holds", async () => {
  recorder.close();
  recorder = open(600);
  set(1, 5n, 6n);
  for (let n = 0; n < 20; n += 1) {
    recorder.record(refusal(`r${n}`));
    await turn();
  }
  const newest = listSegments(directory, epoch).at(-1)?.path ?? "";
  const [begin] = [...recordsIn(readFileSync(newest))];
  truncateSync(newest, (begin?.end ?? 0) + 3);
  expect(last(1)).toEqual(of(1, 5n, 6n));
});

test("an epoch of which the disk refused anything is believed no more, not even once it takes everything again", async () => {
  set(1, 0n, 10n);
  recorder.intend(intent("a"), () => undefined);
  await turn();
  const { path = "" } = listSegments(directory, epoch)[0] ?? {};
  recorder.close();
  // Where its next segment should be something stands that is none.
  recorder = open();
  writeFileSync(path, readFileSync(path));
  set(1, 0n, 999n);
  const outcomes: string[] = [];
  recorder.intend(intent("b"), (outcome) => outcomes.push(outcome));
  await turn();
  expect(outcomes).toEqual(["lost"]);
  expect(recorder.mayHold()).toBe(true);
  expect(lastTotals(directory, epoch)).toBeUndefined();
  rmSync(path);
  nowMs += 10_000;
  recorder.intend(intent("c"), (outcome) => outcomes.push(outcome));
  await turn();
  expect(outcomes).toEqual(["lost", "durable"]);
  expect(lastTotals(directory, epoch)).toBeUndefined();
});

test("an epoch whose newest segment gave way to the spool's bound is believed no more", async () => {
  set(1, 0n, 10n);
  recorder.intend(intent("a"), () => undefined);
  await turn();
  recorder.close();
  boundSpool(directory, 0, () => false);
  expect(lastTotals(directory, epoch)).toBeUndefined();
});

test("a worker that wrote nothing has held nothing, and one that never lent says nothing", () => {
  expect(lastTotals(directory, epoch)).toEqual([]);
  expect(lastTotals(directory, 4n)).toBeUndefined();
});
