// The desk of a worker against a ledger in the same process, which is the kernel's own: who waits, who is served, and what comes
// back. A permit that does not come back locks a key out for good; one that comes back twice lets too many through.

import type { Hold } from "@tollgate/kernel/lending/lease-book";
import { expect, test, vi, beforeEach, afterEach } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { createDesk, type LendingBatch, type Outcome } from "./desk.ts";
import { clocks, deskOf, FakeLedger } from "./ledger.fixture.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const slot = [{ subject: "limit/l", kind: "slots", amount: 1n }] as const;
const money = (amount: bigint) => [{ subject: "budget/b", kind: "money", amount } as const];

test("a hundred thousand calls that end in every way leave no slot behind, and are never too many", () => {
  const random = seededRandom(seedFromEnv());
  const ledger = new FakeLedger("slots", 8n);
  const desks = ["p", "q", "r"].map((name, at) => deskOf(ledger, name, BigInt(at + 1)));
  let under = 0;
  let most = 0;
  let ended = 0;
  const begin = (): void => {
    const desk = random.pick(desks);
    desk.reserve(slot, (outcome) => {
      ended += 1;
      if (outcome.kind !== "held") return;
      under += 1;
      most = Math.max(most, under);
      // Some end before they began: their client went while they waited.
      setTimeout(
        () => {
          under -= 1;
          desk.settle(outcome.hold, [0n]);
        },
        random.chance(0.2) ? 0 : random.int(20),
      );
    });
  };
  const calls = 100_000;
  for (let begun = 0; begun < calls; begun += 20) {
    for (let n = 0; n < 20; n += 1) begin();
    vi.advanceTimersByTime(random.int(30));
  }
  // Longer than an idle desk keeps what it was lent.
  vi.advanceTimersByTime(40_000);
  expect(ended).toBe(calls);
  expect(under).toBe(0);
  expect(most).toBeLessThanOrEqual(8);
  expect(most).toBeGreaterThan(4);
  expect(ledger.account.counted).toBe(0n);
});

test("who waits for one account holds up nobody who asks for another", () => {
  const ledger = new FakeLedger("money", 10n);
  const desk = deskOf(ledger, "p", 1n);
  const outcomes: string[] = [];
  desk.reserve(money(100n), ({ kind }) => outcomes.push(`large ${kind}`));
  desk.reserve([{ subject: "budget/other", kind: "money", amount: 1n }], ({ kind }) => outcomes.push(`other ${kind}`));
  vi.advanceTimersByTime(20);
  expect(outcomes).toContain("other held");
});

test("of what is spent a call is told at once; for what others hold it waits a moment", () => {
  const ledger = new FakeLedger("money", 100n);
  const [desk, other] = [deskOf(ledger, "p", 1n), deskOf(ledger, "q", 2n)];
  const holds: Hold[] = [];
  desk.reserve(money(90n), (outcome) => outcome.kind === "held" && holds.push(outcome.hold));
  vi.advanceTimersByTime(10);
  const outcomes: Outcome[] = [];
  other.reserve(money(50n), (outcome) => outcomes.push(outcome));
  vi.advanceTimersByTime(100);
  expect(outcomes).toEqual([]);
  for (const hold of holds) desk.settle(hold, [10n]);
  vi.advanceTimersByTime(1_000);
  expect(outcomes).toMatchObject([{ kind: "held" }]);
  other.reserve(money(100n), (outcome) => outcomes.push(outcome));
  vi.advanceTimersByTime(5);
  expect(outcomes.at(-1)).toMatchObject({ kind: "short", reason: "spent", news: { limit: 100n } });
});

test("while the ledger is away calls live on what is lent, and then are told that it is silent", () => {
  const ledger = new FakeLedger("money", 1_000n);
  const desk = deskOf(ledger, "p", 1n);
  const kinds: string[] = [];
  const call = (amount: bigint): void =>
    desk.reserve(money(amount), (outcome) => kinds.push(outcome.kind === "held" ? "served" : outcome.reason));
  call(100n);
  vi.advanceTimersByTime(1_000);
  ledger.isAway = true;
  // More than can have been drawn ahead.
  call(2_000n);
  vi.advanceTimersByTime(3_000);
  expect(kinds).toEqual(["served", "silent"]);
  ledger.isAway = false;
  vi.advanceTimersByTime(1_000);
  call(50n);
  vi.advanceTimersByTime(1_000);
  expect(kinds.at(-1)).toBe("served");
});

test("who leaves gives everything back", async () => {
  const ledger = new FakeLedger("money", 1_000n);
  const desk = deskOf(ledger, "p", 1n);
  let held: Hold | undefined;
  desk.reserve(money(100n), (outcome) => {
    if (outcome.kind === "held") held = outcome.hold;
  });
  vi.advanceTimersByTime(10);
  if (held === undefined) throw new Error("nothing was held");
  desk.settle(held, [30n]);
  const left = desk.leave();
  await vi.advanceTimersByTimeAsync(1_000);
  await left;
  expect(ledger.account).toMatchObject({ counted: 0n, ended: 30n });
});

test("who finds a window full is told when to come again, and is served then and not a moment before", () => {
  const permit = [{ subject: "limit/w", kind: "window", amount: 1n }] as const;
  const ledger = new FakeLedger("window", 20n, 60_000);
  const desks = [deskOf(ledger, "p", 1n), deskOf(ledger, "q", 2n)];
  const ask = (at: number): Outcome | undefined => {
    let last: Outcome | undefined;
    desks[at % 2]?.reserve(permit, (outcome) => {
      last = outcome;
      if (outcome.kind === "held") desks[at % 2]?.settle(outcome.hold, [1n]);
    });
    for (let waitedMs = 0; last === undefined && waitedMs < 3_000; waitedMs += 1) vi.advanceTimersByTime(1);
    return last;
  };
  const outcomes = Array.from({ length: 30 }, (_, at) => ask(at));
  expect(outcomes.filter((outcome) => outcome?.kind === "held").length).toBe(20);
  const refused = outcomes.at(-1);
  if (refused?.kind !== "short" || refused.roomInMs === undefined)
    throw new Error("it was not told when to come again");
  expect(refused.reason).toBe("spent");
  vi.advanceTimersByTime(refused.roomInMs - 10);
  expect(ask(29)?.kind).toBe("short");
  vi.advanceTimersByTime(10);
  expect(ask(29)?.kind).toBe("held");
});

test("a stream that needs more of a period that is over keeps nobody from drawing of the next", () => {
  const said: LendingBatch[] = [];
  const desk = createDesk({
    ...{ epoch: 1n, clocks, autonomyMs: 3_600_000, keep: () => undefined },
    send: (batch) => said.push(batch),
  });
  const last = () => said.at(-1)?.statements ?? [];
  const answer = (isOver: boolean): void => {
    const batch = said.at(-1);
    const answers = last().map(({ lease = 0, revision = 0n, draw }) => ({
      ...{ epoch: 1n, lease, account: `budget/b/${lease}`, revision, keepAtMost: undefined, isFrozen: false },
      ...{
        grant:
          draw &&
          (lease === 1 && isOver
            ? { number: draw.number ?? 0, amount: 0n, shortage: "held" as const }
            : { number: draw.number ?? 0, amount: draw.asked ?? 0n, shortage: undefined }),
      },
      ...{ msLeft: undefined, isOver: isOver && lease === 1, limit: 100n, settled: 0n, counted: 10n },
    }));
    desk.answered({ batch: batch?.batch ?? 0, incarnation: 1n, answers });
  };
  let hold: Hold | undefined;
  desk.reserve(money(10n), (outcome) => {
    if (outcome.kind === "held") ({ hold } = outcome);
  });
  for (const isOver of [false, true]) {
    answer(isOver);
    vi.advanceTimersByTime(600);
  }
  if (hold === undefined) throw new Error("nothing was held");
  expect(desk.extend(hold, [7n])).toBe(false);
  answer(true);
  let isServed = false;
  desk.reserve(money(5n), (outcome) => (isServed = outcome.kind === "held"));
  vi.advanceTimersByTime(600);
  for (let round = 0; round < 3 && !isServed; round += 1) {
    answer(true);
    vi.advanceTimersByTime(600);
  }
  expect(isServed).toBe(true);
});
