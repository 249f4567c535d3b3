// Every fact arrives and is counted once, whatever line it takes and whoever restarts, one case after the other; what chance
// makes of them together is simulated in test/sim/facts.spec.ts. The clock is the test's own; nothing waits.
import { create } from "@bufbuild/protobuf";
import { FactCursorSchema } from "@tollgate/schema/sync";
import type { Fact } from "@tollgate/schema/usage";
import { ModelCallCompletedSchema, ModelCallOutcome, ToolCallCompletedSchema } from "@tollgate/schema/usage";
import { ToolCallOutcome, UsageBasis } from "@tollgate/schema/usage";
import { Era } from "@tollgate/schema/resources";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Recorder } from "./recorder.ts";
import { openRecorder } from "./recorder.ts";
import type { Shipper, ShipperOptions, ShipperProblem } from "./shipper.ts";
import { openShipper, stallMs } from "./shipper.ts";
import type { FactSink } from "./sink.ts";
import { listEpochs, listSegments, retiredMs, unfinishedPath } from "./spool-file.ts";
import { factsIn, fakeIngest } from "./ingest.fixture.ts";
import { testKey } from "./spool.fixture.ts";

let directory: string;
let nowMs = 0;
let live = new Set<bigint>();
let problems: ShipperProblem[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-shipper-"));
  nowMs = 0;
  live = new Set();
  problems = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(sinks: ShipperOptions["sinks"], options: Partial<ShipperOptions> = {}): Shipper {
  return openShipper({
    ...{ directory, proxyId: "p", sinks, liveEpochs: () => live, maxBytes: 1 << 30 },
    ...{ epochKey: () => testKey, onEpochs: () => undefined },
    ...{ monotonicMs: () => nowMs, wallMs: () => 1, onProblem: (problem) => problems.push(problem), ...options },
  });
}

function recorder(epoch: bigint, segmentBytes = 512): Recorder {
  live.add(epoch);
  return openRecorder({ directory, epoch, key: testKey, nowMs: () => 1, maxBytes: 1 << 30, segmentBytes });
}

async function record(into: Recorder, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) {
    if (i % 10 === 0) await turn();
    into.record({ requestId: "r", kind: { case: "callRefused", value: { code: "mcp.tool-unknown", tool: "t" } } });
  }
  await turn();
}

/** Epochs of which there is more on disk than how many facts they had. */
function heldEpochs(): bigint[] {
  return listEpochs(directory).filter((epoch) => retiredMs(directory, epoch) === undefined);
}

function numbers(last: bigint): string[] {
  return Array.from({ length: Number(last) }, (_, i) => `${i + 1}`);
}

async function drain(shipper: Shipper): Promise<void> {
  for (let steps = 0; !shipper.isDrained(); steps++) {
    expect(steps).toBeLessThan(500);
    await shipper.step();
  }
}

const away: FactSink = { name: "away", send: () => Promise.reject(new Error("planted: nobody is there")) };

test("facts of live and of finished epochs arrive once; what is stored leaves the disk", async () => {
  const ingest = fakeIngest();
  const shipper = open([{ name: "grpc", send: async (batch) => ({ kind: "stored", stored: ingest.take(batch) }) }]);
  const [old, current] = [recorder(1n), recorder(2n)];
  await record(old, 1_234);
  await record(current, 50);
  old.close();
  expect(shipper.spooled()).toMatchObject([
    { epoch: 1n, seq: 1_234n },
    { epoch: 2n, seq: 50n },
  ]);
  await drain(shipper);
  expect(listSegments(directory, 1n).length).toBe(1);
  live.delete(1n);
  await shipper.step();
  expect(heldEpochs()).toEqual([2n]);
  expect(ingest.counted(1n)).toEqual(numbers(1_234n));
  expect(ingest.counted(2n)).toEqual(numbers(50n));
});

test("a broker's word trims nothing; the watermark does", async () => {
  const ingest = fakeIngest();
  const shipper = open([{ name: "kafka", send: async (batch) => (ingest.take(batch), { kind: "taken" }) }]);
  const current = recorder(1n);
  await record(current, 100);
  while ((await shipper.step()) === "more");
  const before = listSegments(directory, 1n).length;
  expect(before).toBeGreaterThan(3);
  expect(shipper.isDrained()).toBe(false);
  shipper.reported({ stored: ingest.cursors(), forked: [] });
  await shipper.step();
  expect(listSegments(directory, 1n).length).toBe(1);
  expect(shipper.isDrained()).toBe(true);
});

test("when the watermark stands still it is sent again from there, ever more rarely, and at once when the control plane is back", async () => {
  let sends = 0;
  const shipper = open([{ name: "kafka", send: async () => ((sends += 1), { kind: "taken" }) }]);
  await record(recorder(1n), 10);
  await shipper.step();
  expect(sends).toBe(1);
  nowMs += stallMs - 1;
  await shipper.step();
  expect(sends).toBe(1);
  nowMs += 1;
  await shipper.step();
  expect(sends).toBe(2);
  nowMs += stallMs;
  await shipper.step();
  expect(sends).toBe(2);
  nowMs += stallMs;
  await shipper.step();
  expect(sends).toBe(3);
  shipper.reconnected();
  await shipper.step();
  expect(sends).toBe(4);
  expect(problems.map(({ kind }) => kind)).toEqual(["watermark-stalled", "watermark-stalled"]);
});

test("what is under way is bounded: a topic that nobody reads gets no more than a window", async () => {
  let facts = 0;
  const shipper = open([{ name: "kafka", send: async (batch) => ((facts += batch.facts.length), { kind: "taken" }) }]);
  await record(recorder(1n, 1 << 20), 12_000);
  while ((await shipper.step()) === "more");
  expect(facts).toBe(10_000);
});

test("a line that fails for some seconds is left for the other one, and tried again later", async () => {
  const ingest = fakeIngest();
  let isBack = false;
  const kafka: FactSink = {
    name: "kafka",
    send: async (batch) => {
      if (!isBack) throw new Error("planted: no broker");
      ingest.take(batch);
      return { kind: "taken" };
    },
  };
  const shipper = open([kafka, { name: "grpc", send: async (b) => ({ kind: "stored", stored: ingest.take(b) }) }]);
  const current = recorder(1n);
  await record(current, 3);
  expect(await shipper.step()).toBe("failed");
  nowMs += 2_999;
  expect(await shipper.step()).toBe("failed");
  expect(shipper.sinkName()).toBe("kafka");
  nowMs += 1;
  await shipper.step();
  await shipper.step();
  expect(shipper.sinkName()).toBe("grpc");
  expect(ingest.stored(1n)).toBe(3n);
  isBack = true;
  nowMs += 30_000;
  await record(current, 1);
  await shipper.step();
  expect(shipper.sinkName()).toBe("kafka");
  expect(ingest.counted(1n)).toEqual(numbers(4n));
});

test("a line that takes facts which never arrive is left as well", async () => {
  const ingest = fakeIngest();
  const hole: FactSink = { name: "kafka", send: async () => ({ kind: "taken" }) };
  const shipper = open([hole, { name: "grpc", send: async (b) => ({ kind: "stored", stored: ingest.take(b) }) }]);
  await record(recorder(1n), 3);
  await shipper.step();
  nowMs += stallMs;
  await shipper.step();
  expect(ingest.counted(1n)).toEqual(numbers(3n));
});

test("a batch that will never be taken is told as lost, and the epoch goes on", async () => {
  const ingest = fakeIngest();
  const picky: FactSink = {
    name: "grpc",
    send: async (batch) =>
      factsIn(batch).some(({ seq, kind }) => seq === 2n && kind.case !== "usageLost")
        ? { kind: "refused", reason: "planted" }
        : { kind: "stored", stored: ingest.take(batch) },
  };
  const shipper = open([picky]);
  const current = recorder(1n);
  await record(current, 3);
  await drain(shipper);
  await record(current, 2);
  await drain(shipper);
  expect(ingest.counted(1n)).toEqual(["1 lost", "2 lost", "3 lost", "4", "5"]);
  expect(problems).toMatchObject([{ kind: "refused", reason: "planted" }]);
});

test("an ingest that never moves is not asked in a loop", async () => {
  const shipper = open([{ name: "grpc", send: async () => ({ kind: "stored", stored: 0n }) }]);
  await record(recorder(1n), 3);
  expect(await shipper.step()).toBe("failed");
});

test("a control plane restored from a backup is told what it can still have, and what it cannot", async () => {
  const ingest = fakeIngest();
  const shipper = open([{ name: "grpc", send: async (batch) => ({ kind: "stored", stored: ingest.take(batch) }) }]);
  const current = recorder(1n);
  await record(current, 40);
  await drain(shipper);
  ingest.forget(1n, 10n);
  await record(current, 1);
  for (let i = 0; i < 5; i++) await shipper.step();
  const counted = ingest.counted(1n);
  expect(counted.map((text) => Number(text.split(" ")[0]))).toEqual(Array.from({ length: 31 }, (_, i) => i + 11));
  expect(counted.at(-1)).toBe("41");
});

test("while nobody can be reached the spool keeps its bound, and afterwards every number is either a fact or a loss", async () => {
  const ingest = fakeIngest();
  const line = { isUp: false };
  const grpc: FactSink = {
    name: "grpc",
    send: (batch) => (line.isUp ? Promise.resolve({ kind: "stored", stored: ingest.take(batch) }) : away.send(batch)),
  };
  const shipper = open([grpc], { maxBytes: 4_096 });
  const writers = [recorder(1n), recorder(2n)];
  for (let i = 0; i < 20; i++) {
    for (const writer of writers) await record(writer, 10);
    nowMs += 1_000;
    await shipper.step();
  }
  for (const writer of writers) writer.close();
  live.clear();
  line.isUp = true;
  await drain(shipper);
  for (const epoch of [1n, 2n]) {
    const counted = ingest.counted(epoch);
    expect(counted.map((text) => text.split(" ")[0])).toEqual(numbers(200n));
    expect(counted.filter((text) => text.endsWith("lost")).length).toBeGreaterThan(0);
  }
  expect(heldEpochs()).toEqual([]);
});

test("without an epoch's key nothing of it is sent; it goes as soon as the key has been drawn", async () => {
  const ingest = fakeIngest();
  let key: Uint8Array | undefined;
  let asked: readonly bigint[] = [];
  const grpc: FactSink = { name: "grpc", send: async (batch) => ({ kind: "stored", stored: ingest.take(batch) }) };
  const shipper = open([grpc], { epochKey: () => key, onEpochs: (epochs) => (asked = epochs) });
  await record(recorder(4n), 5);
  expect(await shipper.step()).toBe("waiting");
  expect([asked, ingest.counted(4n)]).toEqual([[4n], []]);
  key = testKey;
  await shipper.step();
  expect(ingest.counted(4n)).toEqual(numbers(5n));
});

test("an epoch that somebody else writes too is left alone, on disk, and the others go on", async () => {
  const ingest = fakeIngest();
  const grpc: FactSink = {
    name: "grpc",
    send: async (batch) =>
      batch.epoch === 1n ? { kind: "forked", reason: "planted" } : { kind: "stored", stored: ingest.take(batch) },
  };
  const shipper = open([grpc]);
  const [copied, own] = [recorder(1n), recorder(2n)];
  await record(copied, 5);
  await record(own, 5);
  copied.close();
  own.close();
  live.clear();
  for (let steps = 0; steps < 5; steps++) await shipper.step();
  expect(problems).toEqual([{ kind: "forked", epoch: 1n, reason: "planted" }]);
  expect(ingest.counted(2n)).toEqual(numbers(5n));
  expect(heldEpochs()).toEqual([1n]);
});

test("calls that a dead worker left open become facts behind its last, once, whoever dies in between", async () => {
  const ingest = fakeIngest();
  const sent: Fact[] = [];
  let isUp = false;
  const grpc: FactSink = {
    name: "grpc",
    send: async (batch) => {
      if (!isUp) throw new Error("planted");
      sent.push(...factsIn(batch));
      return { kind: "stored", stored: ingest.take(batch) };
    },
  };
  const worker = recorder(1n);
  await record(worker, 30);
  const whose = { keyId: "k", teamId: "m", sessionId: "s", clientEra: Era.MODERN, clientName: "c", clientVersion: "1" };
  const about = { serverId: "i", server: "n", method: "tools/call", tool: "t", toolUseId: "u", requestBytes: 7n };
  // It may have been done, so it costs what it holds.
  const what = { ...about, costNanoUsd: 5n, isPriceUnknown: true, accounts: ["budget/b/1/total"] };
  for (const requestId of ["ended", "open-1", "open-2"])
    worker.intend({ requestId, timeMs: 9n, ...whose, ...what }, () => undefined);
  await turn();
  worker.record({ requestId: "ended", kind: { case: "toolCallCompleted", value: { tool: "t" } } });
  await turn();
  // It dies here: nothing is closed. The process that ships dies as well, after it concluded and before anything arrived.
  live.clear();
  await open([grpc]).step();
  isUp = true;
  const shipper = open([grpc]);
  for (let steps = 0; steps < 5; steps++) await shipper.step();
  expect(ingest.counted(1n)).toEqual(numbers(33n));
  const value = create(ToolCallCompletedSchema, { ...whose, ...what, outcome: ToolCallOutcome.UNKNOWN });
  expect(sent.slice(31).map(({ requestId, timeMs, kind }) => ({ requestId, timeMs, kind }))).toEqual([
    { requestId: "open-1", timeMs: 9n, kind: { case: "toolCallCompleted", value } },
    { requestId: "open-2", timeMs: 9n, kind: { case: "toolCallCompleted", value } },
  ]);
  expect(problems.filter(({ kind }) => kind === "interrupted")).toEqual([{ kind: "interrupted", epoch: 1n, calls: 2 }]);
  expect(heldEpochs()).toEqual([]);
});

test("calls that a worker left open which died before its first fact are told, though their file was read before", async () => {
  const ingest = fakeIngest();
  const send: FactSink["send"] = async (batch) => ({ kind: "stored", stored: ingest.take(batch) });
  const worker = recorder(1n);
  for (const requestId of ["open-1", "open-2"]) worker.intend({ requestId, tool: "t" }, () => undefined);
  await turn();
  const shipper = open([{ name: "grpc", send }]);
  await shipper.step();
  expect(shipper.spooled().map(({ seq }) => seq)).toEqual([0n]);
  live.clear();
  // What concludes the epoch stands under the name of the file that was read.
  for (let steps = 0; steps < 5; steps++) await shipper.step();
  expect(problems.filter(({ kind }) => kind === "interrupted")).toEqual([{ kind: "interrupted", epoch: 1n, calls: 2 }]);
  expect(ingest.counted(1n)).toEqual(numbers(2n));
  expect(heldEpochs()).toEqual([]);
});

test("a call to a model that a dead worker left open costs what it can have cost at most", async () => {
  const ingest = fakeIngest();
  const sent: Fact[] = [];
  const send: FactSink["send"] = async (batch) => {
    sent.push(...factsIn(batch));
    return { kind: "stored", stored: ingest.take(batch) };
  };
  const worker = recorder(1n);
  const whose = { keyId: "k", teamId: "m", sessionId: "s", agentId: "a", parentAgentId: "p", requestBytes: 7n };
  const asked = { door: "anthropic", operation: "messages", modelAsked: "fast", provider: "n", providerId: "i" };
  const what = { ...whose, ...asked, model: "claude", clientName: "c", clientVersion: "1", priceVersion: "v" };
  for (const requestId of ["ended", "open"])
    worker.intend({ requestId, timeMs: 9n, ...what, boundNanoUsd: 5_000_000_001n }, () => undefined);
  worker.record({ requestId: "ended", kind: { case: "modelCallCompleted", value: { model: "claude" } } });
  await turn();
  expect(worker.counts()).toEqual({ seq: 1n, calls: 1, refusals: 0, open: 1 });
  live.clear();
  const shipper = open([{ name: "grpc", send }]);
  for (let steps = 0; steps < 5; steps++) await shipper.step();
  const spent = { costNanoUsd: 5_000_000_001n, basis: UsageBasis.ESTIMATED };
  const value = create(ModelCallCompletedSchema, { ...what, ...spent, outcome: ModelCallOutcome.UNKNOWN });
  expect(sent.slice(1).map(({ requestId, timeMs, kind }) => ({ requestId, timeMs, kind }))).toEqual([
    { requestId: "open", timeMs: 9n, kind: { case: "modelCallCompleted", value } },
  ]);
  expect(ingest.counted(1n)).toEqual(numbers(2n));
});

test("an epoch that is stored leaves the number of its facts, and a database restored to before them is told what it lost", async () => {
  const ingest = fakeIngest();
  const grpc: FactSink = { name: "grpc", send: async (batch) => ({ kind: "stored", stored: ingest.take(batch) }) };
  const worker = recorder(1n);
  await record(worker, 40);
  worker.close();
  live.clear();
  const first = open([grpc]);
  for (let steps = 0; steps < 5; steps++) await first.step();
  expect(heldEpochs()).toEqual([]);
  expect(ingest.counted(1n)).toEqual(numbers(40n));
  // In another boot, too, and not before a report has said what the store has.
  const second = open([grpc]);
  ingest.forget(1n, 25n);
  expect([await second.step(), ingest.counted(1n)]).toEqual(["waiting", []]);
  expect(second.spooled()).toMatchObject([{ epoch: 1n, seq: 40n }]);
  second.reported({ stored: ingest.cursors(), forked: [] });
  await second.step();
  expect(ingest.counted(1n)).toEqual(Array.from({ length: 15 }, (_, n) => `${n + 26} lost`));
});

test("what is left of old epochs goes after some days", async () => {
  const ingest = fakeIngest();
  let wallMs = Date.now();
  const grpc: FactSink = { name: "grpc", send: async (batch) => ({ kind: "stored", stored: ingest.take(batch) }) };
  const shipper = open([grpc], { wallMs: () => wallMs });
  const worker = recorder(1n);
  await record(worker, 3);
  worker.close();
  live.clear();
  for (let steps = 0; steps < 3; steps++) await shipper.step();
  expect(listEpochs(directory)).toEqual([1n]);
  wallMs += 9 * 24 * 3_600_000;
  await shipper.step();
  expect(listEpochs(directory)).toEqual([]);
});

test("a watermark that is somebody else's frees nothing: two proxies on copies of one directory keep their own facts", async () => {
  const ingest = fakeIngest();
  const shipper = open([{ name: "kafka", send: async () => ({ kind: "taken" }) }]);
  await record(recorder(1n), 50);
  while ((await shipper.step()) === "more");
  const stored = [create(FactCursorSchema, { epoch: 1n, seq: 40n, link: new Uint8Array(16).fill(1) })];
  const before = listSegments(directory, 1n).length;
  shipper.reported({ stored, forked: [] });
  await shipper.step();
  expect(listSegments(directory, 1n).length).toBe(before);
  expect(problems.filter(({ kind }) => kind === "forked")).toMatchObject([{ epoch: 1n }]);
  expect(ingest.cursors()).toEqual([]);
});

test("an epoch that the disk does not let conclude holds up no other, and what it has goes first", async () => {
  const ingest = fakeIngest();
  const grpc: FactSink = { name: "grpc", send: async (batch) => ({ kind: "stored", stored: ingest.take(batch) }) };
  const shipper = open([grpc]);
  const dead = recorder(1n);
  await record(dead, 5);
  dead.intend({ requestId: "open", tool: "t" }, () => undefined);
  await turn();
  live.delete(1n);
  await record(recorder(2n), 7);
  // Where the conclusion would be written there is a folder: what a disk without space looks like to it.
  mkdirSync(unfinishedPath(directory, 1n));
  for (let steps = 0; steps < 4; steps++) await shipper.step();
  expect([ingest.counted(1n), ingest.counted(2n)]).toEqual([numbers(5n), numbers(7n)]);
  expect(problems.some(({ kind }) => kind === "disk-failed")).toBe(true);
  rmSync(unfinishedPath(directory, 1n), { recursive: true });
  for (let steps = 0; steps < 4; steps++) await shipper.step();
  expect(ingest.counted(1n)).toEqual(numbers(6n));
});

test("of an epoch that is sent to its end nothing is thrown away as long as somebody has yet to read its leases", async () => {
  await record(recorder(1n), 20);
  live.clear();
  const held = new Set([1n]);
  const ingest = fakeIngest();
  const sink: FactSink = { name: "grpc", send: async (batch) => ({ kind: "stored", stored: ingest.take(batch) }) };
  const shipper = open([sink], { isHeld: (epoch) => held.has(epoch) });
  while ((await shipper.step()) === "more");
  expect(heldEpochs()).toEqual([1n]);
  held.clear();
  await shipper.step();
  expect(heldEpochs()).toEqual([]);
});
