// A worker with more leases than the ledger takes at once, after a restore: its desk and the lender together, against a ledger in
// the same process that takes its time. If it could not restate all of them the ledger would lend nothing to anybody for ever.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ExchangeReplySchema, HeldReplySchema, Shortage } from "@tollgate/schema/ledger";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { beginForgetting } from "../facts/ended-leases.ts";
import { createDesk, type Desk } from "./desk.ts";
import { FakeLedger } from "./ledger.fixture.ts";
import { createLender, type Lender } from "./lender.ts";
import type { WireAnswer } from "./wire.ts";

const leases = 2_100;
/** As it is where the backup lacks the accounts, too. */
const requestMs = 3_000;

let directory: string;
let ledger: FakeLedger;
let incarnation: bigint;
let isFrozen: boolean;
let takesMs: number;
let heard: { statements: number; isComplete: boolean }[];
let lender: Lender;
let desk: Desk;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  directory = mkdtempSync(join(tmpdir(), "tollgate-restating-"));
  beginForgetting(directory, 0n, 0);
  ledger = new FakeLedger("money", 1_000_000n);
  [incarnation, isFrozen, takesMs, heard] = [1n, false, 1, []];
  lender = createLender({
    ledger: {
      async exchange({ statements = [], isComplete = false }) {
        await new Promise((resolve) => setTimeout(resolve, takesMs));
        heard.push({ statements: statements.length, isComplete });
        const { answers = [] } = ledger.answer("p", { batch: 0, statements, isComplete, incarnation });
        return create(ExchangeReplySchema, { incarnation, isFrozen, answers: answers.map(messageOf) });
      },
      held: async () => create(HeldReplySchema, { incarnation, isFrozen }),
    },
    ...{ boot: "now", spoolDirectory: directory, liveEpochs: () => new Set([1n]), standsInFrom: 1n },
    answer: (_, answers) => desk.answered(answers),
    ...{ onProblem: () => undefined, onUntold: () => undefined },
  });
  desk = createDesk({
    epoch: 1n,
    clocks: () => ({ monotonicMs: performance.now(), wallMs: Date.now() }),
    send: (batch) => lender.say(1n, batch),
    keep: () => undefined,
    autonomyMs: 3_600_000,
  });
});
afterEach(() => {
  desk.close();
  lender.close();
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

function messageOf({ epoch, lease, account, revision, grant, isOver, limit, settled, counted }: WireAnswer) {
  const shortages = { held: Shortage.HELD, spent: Shortage.SPENT, none: Shortage.UNSPECIFIED };
  return {
    ...{ epoch, lease, account, revision, isOver, limit, settled, counted },
    ...(grant === undefined ? {} : { grant: { ...grant, shortage: shortages[grant.shortage ?? "none"] } }),
  };
}

function call(n: number): void {
  desk.reserve([{ subject: `budget/${n}`, kind: "money", amount: 1n }], (outcome) => {
    if (outcome.kind === "held") desk.settle(outcome.hold, [1n]);
  });
}

test("it is said in parts that it was all, however long they take together and whatever is asked for meanwhile", async () => {
  for (let n = 0; n < leases; n += 1) {
    call(n);
    if (n % 100 === 99) await vi.advanceTimersByTimeAsync(100);
  }
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ledger.account.settled).toBe(BigInt(leases));
  ledger = new FakeLedger("money", 1_000_000n);
  [incarnation, isFrozen, takesMs, heard] = [2n, true, requestMs, []];
  lender.look();
  for (let ms = 0; ms < requestMs * 20; ms += 500) {
    call(0);
    await vi.advanceTimersByTimeAsync(500);
  }
  const restated = heard.findIndex(({ isComplete }) => isComplete);
  // It may have had something to ask for before it heard of the restore.
  const parts = heard.slice(0, restated + 1).filter(({ statements }) => statements > 1);
  expect(parts).toEqual([
    { statements: 1_000, isComplete: false },
    { statements: 1_000, isComplete: false },
    { statements: 100, isComplete: true },
  ]);
  expect(ledger.account.settled).toBeGreaterThanOrEqual(BigInt(leases));
  for (const { statements } of heard.slice(restated + 1)) expect(statements).toBeLessThanOrEqual(2);
});
