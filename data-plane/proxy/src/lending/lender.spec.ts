// When a proxy says that it has restated all that was lent to it. Said too early, a ledger from a backup lends a second time what
// a worker still has or a dead one spent; never said, nobody is lent anything any more. The ledger here is written by hand and
// keeps no books: it answers what it is told to and remembers what it heard; the real one is in `test/e2e`.

import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import {
  ExchangeReplySchema,
  HeldReplySchema,
  ExchangeRequestSchema,
  type LeaseStatementSchema,
} from "@tollgate/schema/ledger";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../../test/support/wait.ts";
import { beginForgetting, isEnded, keepEnded, readEnded } from "../facts/ended-leases.ts";
import { markBelieved, type LeaseTotals } from "../facts/totals.ts";
import { openRecorder } from "../facts/recorder.ts";
import { endedLeasesPath } from "../facts/spool-file.ts";
import { testKey } from "../facts/spool.fixture.ts";
import type { LendingAnswers, LendingBatch } from "./desk.ts";
import { createLender, type Lender } from "./lender.ts";

type Heard = { isComplete: boolean; incarnation: bigint; said: string[] };

let directory: string;
let lender: Lender;
let live: Set<bigint>;
let heard: Heard[];
let answered: { epoch: bigint; answers: LendingAnswers }[];
let untold: number;
let problems: string[];
/** What the ledger is like. */
let ledger: {
  incarnation: bigint;
  isFrozen: boolean;
  isDown: boolean;
  /** What it answers the first requests with, one each; undefined: as ever. */
  faults: ((() => void) | undefined)[];
  held: { epoch: bigint; lease: number; boot?: string }[];
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-lender-"));
  beginForgetting(directory, 0n, 0);
  [live, heard, answered, untold, problems] = [new Set([9n]), [], [], 0, []];
  ledger = { incarnation: 1n, isFrozen: false, isDown: false, faults: [], held: [] };
  lender = open();
});
afterEach(() => {
  lender.close();
  rmSync(directory, { recursive: true });
});

function open(standsInFrom = 1n): Lender {
  return createLender({
    ledger: {
      async exchange(request) {
        if (ledger.isDown) throw failure(status.UNAVAILABLE);
        ledger.faults.shift()?.();
        const { statements = [] } = request;
        // As the real one does.
        if (statements.length > 2_000) throw failure(status.INVALID_ARGUMENT);
        heard.push(heardIn(request));
        const answers = statements.map(({ epoch = 0n, lease = 0, revision = 0n }) => ({ epoch, lease, revision }));
        return create(ExchangeReplySchema, { ...ledger, answers });
      },
      async held() {
        if (ledger.isDown) throw failure(status.UNAVAILABLE);
        const leases = ledger.held.map((lease) => ({ ...lease, subject: "budget/a", account: "budget/a/1/total" }));
        return create(HeldReplySchema, { ...ledger, leases });
      },
    },
    ...{ boot: "now", spoolDirectory: directory, liveEpochs: () => live, standsInFrom },
    answer: (epoch, answers) => answered.push({ epoch, answers }),
    onProblem: (kind) => problems.push(kind),
    onUntold: () => (untold += 1),
  });
}

/** As it comes out of the client. */
function failure(code: status): Error {
  return Object.assign(new Error(`refused with ${status[code]}`), { code });
}

function heardIn({
  isComplete = false,
  incarnation = 0n,
  statements = [],
}: MessageInitShape<typeof ExchangeRequestSchema>): Heard {
  const said = statements.map((one: MessageInitShape<typeof LeaseStatementSchema>) => {
    const former = one.isOfFormer === true ? "former " : "";
    const boot = one.boot ? ` of ${one.boot}` : "";
    return `${former}${one.epoch}/${one.lease}${boot} ${one.settled ?? 0n}+${one.open ?? 0n}`;
  });
  return { isComplete, incarnation, said };
}

const claims = () => heard.filter(({ isComplete, incarnation }) => isComplete && incarnation === ledger.incarnation);

let batches = 0;
function batchOf(incarnation: bigint, isComplete: boolean): LendingBatch {
  const statement = { epoch: 9n, lease: 1, subject: "budget/a", account: "", revision: 1n };
  return { batch: (batches += 1), statements: [statement], incarnation, isComplete };
}

/** Of as many leases; the worker of it goes on where it was. */
function batchOfMany(incarnation: bigint, leases: number): LendingBatch {
  const statements = Array.from({ length: leases }, (_, at) => {
    return { epoch: 9n, lease: at + 1, subject: `budget/${at}`, account: "", revision: 1n };
  });
  return { batch: (batches += 1), statements, incarnation, isComplete: true };
}

/** How many statements each request had, and whether it said that it was all. */
const sizes = () => heard.map(({ said, isComplete }) => `${said.length}${isComplete ? " all" : ""}`);
const answersTo = ({ batch }: LendingBatch) => answered.filter(({ answers }) => answers.batch === batch);

const leaseOf = (settled: bigint, open = 0n): LeaseTotals => {
  return { lease: 1, subject: "budget/a", account: "budget/a/1/total", settled, open };
};

/** A boot that was killed. */
async function left(epoch: bigint, leases: readonly LeaseTotals[]): Promise<void> {
  const totals = { all: () => leases, takeChanged: () => leases };
  const options = { directory, epoch, key: testKey, nowMs: () => 1, maxBytes: 1 << 20, totals, proxyBoot: "before" };
  const recorder = openRecorder(options);
  recorder.keepTotals();
  await turn();
  recorder.close();
}

function restore(): void {
  ledger = { ...ledger, incarnation: ledger.incarnation + 1n, isFrozen: true, held: [] };
  heard = [];
}

const settle = async (): Promise<void> => {
  for (let count = 0; count < 20; count += 1) await turn();
};

test("what a former boot left is told once and kept, and after a restore once more, with all that came before", async () => {
  markBelieved(directory, 2n, "b");
  keepEnded(directory, 2n, [leaseOf(5n)]);
  await left(3n, [leaseOf(7n, 2n)]);
  lender.look();
  await until(() => heard.length > 0, { what: "the leases to be told" });
  await settle();
  expect(heard.flatMap(({ said }) => said)).toEqual(["former 3/1 of before 7+2"]);
  expect(readEnded(directory, 3n)).toEqual([leaseOf(7n, 2n)]);
  restore();
  lender.look();
  await until(() => claims().length > 0, { what: "the claim" });
  expect(heard.flatMap(({ said }) => said)).toEqual(["former 2/1 of b 5+0", "former 3/1 of before 7+2"]);
  expect(untold).toBe(0);
});

test("a worker that has nothing to ask for is asked to say what it has, and only then it is all", async () => {
  lender.say(9n, batchOf(1n, true));
  await until(() => heard.length > 0, { what: "the first exchange" });
  restore();
  lender.look();
  await until(() => answered.some(({ answers }) => answers.incarnation === 2n), { what: "the worker to be told" });
  await settle();
  expect(claims()).toEqual([]);
  // It says so, and the message is lost.
  ledger.isDown = true;
  lender.say(9n, batchOf(2n, true));
  await until(() => answered.some(({ answers }) => answers.answers === undefined), { what: "the loss" });
  ledger.isDown = false;
  lender.look();
  await settle();
  expect(claims()).toEqual([]);
  lender.say(9n, batchOf(2n, true));
  await until(() => claims().length > 0, { what: "the claim" });
});

test("a worker that never asked for anything has nothing to say", async () => {
  restore();
  lender.look();
  await until(() => claims().length > 0, { what: "the claim" });
});

test("what a worker left that began and ended since the last look stays until it was told", async () => {
  lender.look();
  await settle();
  await left(12n, [leaseOf(4n, 1n)]);
  expect(lender.isHeld(12n)).toBe(true);
  lender.look();
  await until(() => !lender.isHeld(12n), { what: "the leases to be told" });
  expect(heard.flatMap(({ said }) => said)).toEqual(["former 12/1 of before 4+1"]);
});

test("who dies before all is said is told of first", async () => {
  await left(9n, [leaseOf(4n, 1n)]);
  lender.say(9n, batchOf(1n, true));
  await settle();
  restore();
  lender.look();
  await settle();
  expect(claims()).toEqual([]);
  live = new Set([10n]);
  lender.look();
  await until(() => claims().length > 0, { what: "the claim" });
  expect(heard.flatMap(({ said }) => said)).toEqual(["former 9/1 of before 4+1"]);
});

test.each([
  ["was begun in another place", 4n, []],
  ["the disk does not have", 1n, [{ epoch: 5n, lease: 1 }]],
  ["had an epoch of this disk on another machine", 1n, [{ epoch: 3n, lease: 1, boot: "copy" }]],
  ["has an epoch of this boot on another machine", 1n, [{ epoch: 9n, lease: 1, boot: "copy" }]],
])("a boot that %s is not spoken for, and the proxy never says that it was all", async (_, standsInFrom, held) => {
  lender.close();
  lender = open(standsInFrom);
  await left(3n, [leaseOf(7n, 2n)]);
  restore();
  ledger.held = held;
  lender.look();
  await until(() => untold > 0, { what: "word that it is not all" });
  lender.say(9n, batchOf(2n, true));
  await settle();
  expect(claims()).toEqual([]);
  expect(isEnded(directory, 3n)).toBe(standsInFrom <= 3n);
  expect(untold).toBe(1);
});

test("more than the ledger takes at once goes out in parts, and with the last it is said that it was all", async () => {
  lender.say(9n, batchOf(1n, true));
  await until(() => heard.length > 0, { what: "the first exchange" });
  restore();
  lender.look();
  await until(() => answered.some(({ answers }) => answers.incarnation === 2n), { what: "the worker to be told" });
  const batch = batchOfMany(2n, 2_100);
  lender.say(9n, batch);
  await until(() => claims().length > 0, { what: "the claim" });
  expect(sizes()).toEqual(["1000", "1000", "100 all"]);
  expect(new Set(heard.flatMap(({ said }) => said)).size).toBe(2_100);
  const [whole, ...more] = answersTo(batch);
  expect(more).toEqual([]);
  expect(whole?.answers.answers?.map(({ lease }) => lease)).toEqual(batch.statements.map(({ lease }) => lease));
  expect(problems).toEqual([]);
});

test("workers that say too much together are each answered what is theirs", async () => {
  lender.say(9n, batchOf(1n, true));
  live = new Set([9n, 10n]);
  // While that is under way; then both go out together.
  const batch = batchOfMany(1n, 1_500);
  const other = { ...batch, batch: 1, statements: batch.statements.map((said) => ({ ...said, epoch: 10n })) };
  lender.say(9n, batch);
  lender.say(10n, other);
  await until(() => answered.some(({ epoch }) => epoch === 10n), { what: "the answers" });
  expect(sizes()).toEqual(["1", "1000", "1000", "1000"]);
  for (const [epoch, { batch: of }] of [[9n, batch] as const, [10n, other] as const]) {
    const own = answered.filter((one) => one.epoch === epoch && one.answers.batch === of);
    expect(own.map(({ answers }) => answers.answers?.length)).toEqual([1_500]);
    expect(own[0]?.answers.answers?.every((answer) => answer.epoch === epoch)).toBe(true);
  }
});

test("where one of the parts is lost nobody is answered, and it is not said that it was all", async () => {
  lender.say(9n, batchOf(1n, true));
  await until(() => heard.length > 0, { what: "the first exchange" });
  restore();
  lender.look();
  await until(() => answered.some(({ answers }) => answers.incarnation === 2n), { what: "the worker to be told" });
  await settle();
  const isLost = (): void => {
    throw failure(status.UNAVAILABLE);
  };
  ledger.faults = [undefined, isLost];
  const lost = batchOfMany(2n, 2_100);
  lender.say(9n, lost);
  await until(() => answersTo(lost).length > 0, { what: "the loss" });
  lender.look();
  await settle();
  expect(answersTo(lost).map(({ answers }) => answers.answers)).toEqual([undefined]);
  expect(sizes()).toEqual(["1000"]);
  expect(problems).toEqual(["unreached"]);
  lender.say(9n, batchOfMany(2n, 2_100));
  await until(() => claims().length > 0, { what: "the claim" });
  expect(sizes()).toEqual(["1000", "1000", "1000", "100 all"]);
});

test("a restore between two parts: it was not all, and what was answered before it is not told", async () => {
  restore();
  lender.look();
  await until(() => claims().length > 0, { what: "the claim of who has nothing" });
  heard = [];
  ledger.faults = [undefined, () => (ledger.incarnation = 3n)];
  const batch = batchOfMany(2n, 2_100);
  lender.say(9n, batch);
  await until(() => answersTo(batch).length > 0, { what: "the answers" });
  expect(sizes().slice(0, 3)).toEqual(["1000", "1000", "100"]);
  const [{ answers } = { answers: undefined }] = answersTo(batch);
  expect(answers?.incarnation).toBe(3n);
  expect(answers?.answers?.length).toBe(1_100);
  expect(answered.some(({ answers }) => answers.batch === 0 && answers.incarnation === 3n)).toBe(true);
  await settle();
  expect(claims()).toEqual([]);
  lender.say(9n, batchOfMany(3n, 2_100));
  await until(() => claims().length > 0, { what: "the claim" });
});

test.each([
  ["refused as invalid", failure(status.INVALID_ARGUMENT)],
  ["longer than a message may be", failure(status.RESOURCE_EXHAUSTED)],
])("what is %s is told once and is no broken line", async (_, error) => {
  const refuse = (): void => {
    throw error;
  };
  for (let round = 0; round < 3; round += 1) {
    ledger.faults = [refuse];
    lender.say(9n, batchOf(1n, true));
    await settle();
    lender.say(9n, batchOf(1n, true));
    await settle();
  }
  expect(problems).toEqual(["invalid"]);
  for (let round = 0; round < 2; round += 1) {
    ledger.isDown = true;
    lender.say(9n, batchOf(1n, true));
    lender.say(9n, batchOf(1n, true));
    await settle();
    ledger.isDown = false;
    lender.say(9n, batchOf(1n, true));
    await settle();
  }
  expect(problems).toEqual(["invalid", "unreached", "unreached"]);
});

test("a disk that does not take what former boots left is told of once until it does, and a line that is down by others", async () => {
  ledger.isDown = true;
  lender.look();
  await settle();
  ledger.isDown = false;
  expect(problems).toEqual([]);
  for (const epoch of [3n, 4n]) {
    await left(epoch, [leaseOf(7n, 2n)]);
    const inTheWay = `${endedLeasesPath(directory, epoch)}.new`;
    mkdirSync(inTheWay);
    for (let round = 0; round < 3; round += 1) {
      heard = [];
      lender.look();
      await until(() => heard.length > 0, { what: "the leases to be told" });
      await settle();
    }
    rmdirSync(inTheWay);
    lender.look();
    await until(() => isEnded(directory, epoch), { what: "the leases to be kept" });
    await settle();
  }
  expect(problems).toEqual(["own", "own"]);
});

test("what former boots left and the ledger does not take is told once", async () => {
  await left(3n, [leaseOf(7n, 2n)]);
  let refused = 0;
  const refuse = (): void => {
    refused += 1;
    throw failure(status.INVALID_ARGUMENT);
  };
  ledger.faults = [refuse, refuse];
  for (const round of [1, 2]) {
    lender.look();
    await until(() => refused === round, { what: "the refusal" });
    await settle();
  }
  expect(problems).toEqual(["invalid"]);
  expect(lender.isHeld(3n)).toBe(true);
});

test("the longest request stays far below what a message to the ledger may have", () => {
  const id = "0".repeat(36);
  const most = (1n << 63n) - 1n;
  const statement = {
    ...{ epoch: most, lease: 2 ** 31 - 1, subject: `exposure/${id}`, account: `exposure/${id}/${most}/total` },
    ...{ revision: most, settled: most, open: most, unspent: most, draws: 2 ** 31 - 1 },
    draw: { number: 2 ** 31 - 1, asked: most, wanted: most },
    ...{ isClosed: true, isOfFormer: true, boot: id },
  };
  const statements = Array.from({ length: 1_000 }, () => statement);
  const request = create(ExchangeRequestSchema, { incarnation: most, isComplete: true, statements });
  expect(toBinary(ExchangeRequestSchema, request).length).toBeLessThan(512 * 1024);
});
