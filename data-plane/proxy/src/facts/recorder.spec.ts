// What the recorder promises to those who wait for a fact, also where the disk refuses.
import { fromBinary } from "@bufbuild/protobuf";
import type { Fact } from "@tollgate/schema/usage";
import { CallIntentSchema } from "@tollgate/schema/usage";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { FactInit } from "./fact-writer.ts";
import { factTextCharsMax } from "./flat-printer.ts";
import type { Recorder, RecorderOptions, RecordOutcome } from "./recorder.ts";
import { openRecorder } from "./recorder.ts";
import { countFacts, epochPath, listSegments, recordsIn } from "./spool-file.ts";
import { named, readAll, testKey } from "./spool.fixture.ts";

const epoch = 3n;
let directory: string;
let nowMs = 1_000;
const opened: Recorder[] = [];

beforeEach(() => {
  nowMs = 1_000;
  directory = mkdtempSync(join(tmpdir(), "tollgate-recorder-"));
});

afterEach(() => {
  for (const recorder of opened.splice(0)) recorder.close();
  rmSync(directory, { recursive: true });
});

function open(options: Partial<RecorderOptions> = {}): Recorder {
  const recorder = openRecorder({ directory, epoch, key: testKey, nowMs: () => nowMs, maxBytes: 1 << 20, ...options });
  opened.push(recorder);
  return recorder;
}

function refusal(tool: string): FactInit {
  return { requestId: "r", kind: { case: "callRefused", value: { code: "mcp.tool-unknown", door: "mcp", tool } } };
}

function facts(): Fact[] {
  return readAll(directory, epoch);
}

function told(): string[] {
  return named(facts());
}

/** A folder's place taken by a file: what a full or broken disk looks like to the recorder, whoever runs the test. */
function breakDisk(): void {
  writeFileSync(epochPath(directory, epoch), "");
}

function mendDisk(): void {
  rmSync(epochPath(directory, epoch));
}

test("whoever waits for a fact is told after it is in the file, and all of one turn share one write", async () => {
  let writes = 0;
  const recorder = open({ onWritten: () => (writes += 1) });
  const onDisk: number[] = [];
  const look = (): number => onDisk.push(countFacts(readFileSync(listSegments(directory, epoch)[0]?.path ?? "")));
  for (let i = 0; i < 5; i++) recorder.record(refusal(`t${i}`), look);
  expect(listSegments(directory, epoch)).toEqual([]);
  await turn();
  expect(onDisk).toEqual([5, 5, 5, 5, 5]);
  expect(writes).toBe(1);
  recorder.record(refusal("later"), look);
  await turn();
  expect(onDisk.at(-1)).toBe(6);
  expect(facts().map(({ seq, timeMs }) => [seq, timeMs])).toEqual([1n, 2n, 3n, 4n, 5n, 6n].map((seq) => [seq, 1_000n]));
});

test("what a client chose is cut, so that nobody fills the spool with one call", async () => {
  const recorder = open();
  recorder.record(refusal("\u{1f600}".repeat(100_000)));
  await turn();
  const [fact] = facts();
  expect(fact?.kind.case === "callRefused" && fact.kind.value.tool.length).toBe(factTextCharsMax);
});

test("the spool keeps its bound whatever is recorded, and what went is told", async () => {
  let dropped = 0;
  const maxBytes = 16 * 1024;
  const recorder = open({ maxBytes, onDropped: ({ segments }) => (dropped += segments) });
  for (let i = 0; i < 1_000; i++) {
    recorder.record(refusal("x".repeat(60)));
    if (i % 10 === 0) await turn();
  }
  await turn();
  const bytes = listSegments(directory, epoch).reduce((sum, { path }) => sum + readFileSync(path).length, 0);
  expect(bytes).toBeLessThanOrEqual(maxBytes);
  expect(dropped).toBeGreaterThan(0);
  const [lost, first] = facts();
  expect(lost?.kind.case === "usageLost" && lost.kind.value.lastSeq + 1n).toBe(first?.seq);
  expect(facts().at(-1)?.seq).toBe(1_000n);
});

test("a refusing disk stops no call; what it cost is counted, and shows in the sequence once there is space", async () => {
  breakDisk();
  const states: string[] = [];
  const recorder = open({ onState: ({ kind }) => states.push(kind) });
  const outcomes: RecordOutcome[] = [];
  for (let i = 0; i < 3; i++) recorder.record(refusal("t"), (outcome) => outcomes.push(outcome));
  await turn();
  expect(outcomes).toEqual(["lost", "lost", "lost"]);
  expect(recorder.state()).toMatchObject({ kind: "failing", sinceMs: 1_000 });
  mendDisk();
  // Not tried again within the pause: a full disk must not cost a system call for each call.
  recorder.record(refusal("t"), (outcome) => outcomes.push(outcome));
  await turn();
  expect(recorder.factsLost()).toBe(4n);
  nowMs += 10_000;
  recorder.record(refusal("t"), (outcome) => outcomes.push(outcome));
  await turn();
  expect(outcomes.slice(3)).toEqual(["lost", "durable"]);
  expect(told()).toEqual(["lost 1-4", "5"]);
  expect(states).toEqual(["failing", "recording"]);
});

test("a loss is told even when no fact follows it", async () => {
  breakDisk();
  const recorder = open();
  recorder.record(refusal("t"));
  await turn();
  mendDisk();
  recorder.close();
  expect(told()).toEqual(["lost 1-1"]);
});

test("a loss in the middle stands between the facts around it", async () => {
  const recorder = open({ segmentBytes: 1 });
  recorder.record(refusal("t"));
  await turn();
  const kept = readdirSync(epochPath(directory, epoch));
  const content = kept.map((name) => readFileSync(join(epochPath(directory, epoch), name)));
  rmSync(epochPath(directory, epoch), { recursive: true });
  breakDisk();
  recorder.record(refusal("t"));
  await turn();
  mendDisk();
  nowMs += 10_000;
  recorder.record(refusal("t"));
  await turn();
  for (const [i, name] of kept.entries()) writeFileSync(join(epochPath(directory, epoch), name), content[i] ?? "");
  expect(told()).toEqual(["1", "lost 2-2", "3"]);
});

test("an epoch is written once: a second recorder on it records nothing rather than mix two sequences", async () => {
  open().record(refusal("first"));
  await turn();
  const outcomes: RecordOutcome[] = [];
  open().record(refusal("second"), (outcome) => outcomes.push(outcome));
  await turn();
  expect(outcomes).toEqual(["lost"]);
  expect(told()).toEqual(["1"]);
});

test("one caller's bug leaves nobody else waiting", () => {
  const recorder = open();
  let isTold = false;
  recorder.record(refusal("t"), () => {
    throw new Error("planted");
  });
  recorder.record(refusal("t"), () => (isTold = true));
  expect(() => recorder.close()).toThrow(AggregateError);
  expect(isTold).toBe(true);
  expect(told()).toEqual(["1", "2"]);
});

const call = (requestId: string): FactInit => ({
  requestId,
  kind: { case: "toolCallCompleted", value: { tool: "t" } },
});

/** The request ids of intents in a segment; one of the very turn in which the segment was begun stands there twice. */
function intentsIn(segment: number): string[] {
  const bytes = readFileSync(listSegments(directory, epoch)[segment]?.path ?? "");
  const ids = [...recordsIn(bytes)].flatMap((record) =>
    record.kind === "intent" ? [fromBinary(CallIntentSchema, record.intent).requestId] : [],
  );
  return [...new Set(ids)];
}

test("an intent is in the file before its call is let go, and shares the turn's write with the facts", async () => {
  let writes = 0;
  const recorder = open({ onWritten: () => (writes += 1) });
  const seen: string[][] = [];
  recorder.record(refusal("t"));
  recorder.intend({ requestId: "a", tool: "t" }, () => void seen.push(intentsIn(0)));
  recorder.intend({ requestId: "b", tool: "t" }, () => void seen.push(intentsIn(0)));
  await turn();
  expect(seen).toEqual([
    ["a", "b"],
    ["a", "b"],
  ]);
  expect(writes).toBe(1);
  expect(recorder.counts()).toEqual({ seq: 1n, calls: 0, refusals: 1, open: 2 });
  recorder.record(call("a"));
  await turn();
  expect(recorder.counts()).toEqual({ seq: 2n, calls: 1, refusals: 1, open: 1 });
  expect(told()).toEqual(["1", "2"]);
});

test("a call that is alone waits for no turn, and those that are not share one write in each", async () => {
  let writes = 0;
  const recorder = open({ onWritten: () => (writes += 1) });
  const gone: string[] = [];
  const intend = (requestId: string): void => recorder.intend({ requestId }, () => void gone.push(requestId));
  const soon = (): Promise<void> => new Promise((done) => process.nextTick(done));
  intend("a");
  expect(gone).toEqual([]);
  await soon();
  expect([gone, writes]).toEqual([["a"], 1]);
  intend("b");
  await soon();
  intend("c");
  await soon();
  recorder.record(call("a"), () => void gone.push("a is told"));
  expect([gone, writes]).toEqual([["a"], 1]);
  await turn();
  expect([gone, writes]).toEqual([["a", "b", "c", "a is told"], 2]);
  // The last but one has one beside it, the last has none.
  recorder.record(call("b"), () => void gone.push("b is told"));
  await soon();
  expect(writes).toBe(2);
  await turn();
  recorder.record(call("c"), () => void gone.push("c is told"));
  await soon();
  expect([gone.slice(4), writes]).toEqual([["b is told", "c is told"], 4]);
  // Refusals come in crowds, and one that is alone waits a turn as they do.
  recorder.record(refusal("t"));
  await soon();
  expect(writes).toBe(4);
  await turn();
  expect(writes).toBe(5);
});

test("who waits when the recorder is closed is told once, and nothing is written behind it", async () => {
  const told: RecordOutcome[] = [];
  let asked = 0;
  const takeChanged = (): [] => {
    asked += 1;
    return [];
  };
  const recorder = open({ totals: { takeChanged, all: () => [] } });
  recorder.intend({ requestId: "a" }, (outcome) => void told.push(outcome));
  recorder.close();
  const askedBefore = asked;
  await turn();
  expect([told, asked]).toEqual([["durable"], askedBefore]);
});

test("each segment begins with the calls then under way, so that those before it can go", async () => {
  const recorder = open({ segmentBytes: 1 });
  recorder.intend({ requestId: "long" }, () => undefined);
  await turn();
  recorder.intend({ requestId: "short" }, () => undefined);
  recorder.record(refusal("t"));
  await turn();
  recorder.record(call("short"));
  await turn();
  recorder.record(refusal("t"));
  await turn();
  const segments = listSegments(directory, epoch).length;
  expect(segments).toBeGreaterThan(1);
  expect(intentsIn(segments - 1)).toEqual(["long"]);
  expect(told()).toEqual(["1", "2", "3"]);
});

test("a recorder with nothing but calls under way keeps one segment, however many they are", async () => {
  const recorder = open({ segmentBytes: 1 });
  for (let i = 0; i < 50; i++) {
    recorder.intend({ requestId: `${i}` }, () => undefined);
    await turn();
  }
  expect(listSegments(directory, epoch).map(({ firstSeq }) => firstSeq)).toEqual([1n]);
  recorder.record(call("0"));
  await turn();
  expect(told()).toEqual(["1"]);
});
