// What a call holds from before it goes out until it is settled, out of books of the kernel's that were lent so much. If it came to
// hold less than its provider bills, nobody would pay for the rest; if it did not give back, each call would cost all that it can.

import { create } from "@bufbuild/protobuf";
import { exchange, newLease, openAccount, setLimit } from "@tollgate/kernel/lending/account";
import { LeaseBook, type Hold } from "@tollgate/kernel/lending/lease-book";
import { fullOf, neededAt, type RunningCall, type RunningEnd } from "@tollgate/kernel/lending/running";
import { BudgetReservation, BudgetSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { budgetCharge } from "../lending/charged.ts";
import { ModelReservation, partsOf, type Costs, type Part } from "./reservation.ts";

const now = { monotonicMs: 0, wallMs: 0 };
const token = 10_000n;
/** It may write 20,000 tokens, at $10 for a million. */
const running = { inputNanoUsd: 5_000_000n, outputRateNanoUsd: 10_000_000_000n, outputTokensMost: 20_000 };
const call: RunningCall = { ...running, marginTokens: 2_048 };
const costs: Costs = { boundNanoUsd: fullOf(call), running, tokens: 0n };
const nothingSaid = (): undefined => undefined;

type World = { reservation: ModelReservation; held(): { held: bigint; exposed: bigint }; spent(): bigint[] };

/** `lent` of the budget, and all of its exposure. */
function begin(lent: bigint, isRunning = true): World {
  const budget = create(BudgetSchema, {
    id: "b",
    hard: true,
    reservation: BudgetReservation.RUNNING,
    marginTokens: 2_048,
  });
  const charges = [budgetCharge(budget, 0n)];
  const parts = partsOf(charges, costs, () => isRunning);
  const book = new LeaseBook(1_000);
  const hold = holdOf(book, parts, lent);
  const desk = {
    extend: (of: Hold, amounts: readonly bigint[]) => book.extend(of, amounts, now),
    release: (of: Hold, amounts: readonly bigint[]) => book.release(of, amounts),
    settle: (of: Hold, used: readonly bigint[]) => book.settle(of, used),
    now: () => now,
    news: () => ({ news: undefined, msLeft: undefined, roomInMs: undefined }),
  };
  const leases = hold.parts.map(({ lease }) => lease);
  return {
    reservation: new ModelReservation(desk, charges, hold, parts, costs.boundNanoUsd),
    held: () => ({ held: leases[0]?.open ?? 0n, exposed: leases[1]?.open ?? 0n }),
    spent: () => leases.map(({ settled }) => settled),
  };
}

function holdOf(book: LeaseBook, parts: readonly Part[], lent: bigint): Hold {
  for (const { lease, lacking } of lacksOf(book, parts)) {
    const amount = lease.subject === "budget/b" ? lent : lacking;
    lease.lacks(amount, amount);
    const [due] = book.due(now).filter((one) => one.lease === lease);
    if (due === undefined) throw new Error("nothing is drawn");
    const account = setLimit(openAccount("money", 0n, 0), amount).account;
    const { answer } = exchange(account, newLease, due.statement, { nowMs: 0, isFrozen: false });
    const news = { limit: 0n, settled: 0n, counted: 0n };
    const told = { ...answer, account: `${lease.subject}/1`, msLeft: undefined, isOver: false, isFrozen: false, news };
    book.answered(lease.number, told, now);
  }
  const held = book.hold(parts, now);
  if (!("parts" in held)) throw new Error("what was lent is not enough");
  return held;
}

function lacksOf(book: LeaseBook, parts: readonly Part[]) {
  const tried = book.hold(parts, now);
  return "parts" in tried ? [] : tried;
}

test("a stream holds what it would cost if it ended now, and with its exposure all that it can, at every moment", () => {
  const random = seededRandom(seedFromEnv());
  const { reservation, held } = begin(fullOf(call));
  for (let seen = 0; seen <= call.outputTokensMost; seen += random.int(400)) {
    expect(reservation.covers(seen, nothingSaid)).toBe(true);
    expect(held().held).toBeGreaterThanOrEqual(neededAt(call, seen));
    expect(held().held + held().exposed).toBe(fullOf(call));
  }
});

test("once its provider has said what it read, the rest of that comes back", () => {
  const { reservation, held } = begin(fullOf(call));
  const before = held();
  const said = { inputNanoUsd: 1_000_000n, outputRateNanoUsd: running.outputRateNanoUsd };
  expect(reservation.covers(0, () => said)).toBe(true);
  expect(held()).toEqual({ ...before, held: before.held - 4_000_000n });
  // It is said once.
  expect(reservation.covers(1, () => expect.unreachable("it was said"))).toBe(true);
});

test("it is cut where what is seen needs more than there is, and not while it still fits", () => {
  const lent = neededAt(call, 5_000);
  const { reservation, held } = begin(lent);
  for (let seen = 0; seen <= 5_000; seen += 100) expect(reservation.covers(seen, nothingSaid)).toBe(true);
  expect(held().held).toBe(lent);
  expect(reservation.covers(5_001, nothingSaid)).toBe(false);
});

test.each<[string, RunningEnd, bigint, bigint[]]>([
  ["was said to the end costs what was said", { kind: "said", costNanoUsd: 777n }, 777n, [777n, 0n]],
  [
    "was left costs what was seen and the margin",
    { kind: "cancelled", seenTokens: 100 },
    1n,
    [neededAt(call, 100), 0n],
  ],
  [
    "was left costs no less than what is written down of it",
    { kind: "cancelled", seenTokens: 0 },
    90_000_000n,
    [90_000_000n, 0n],
  ],
  [
    "nobody knows the end of costs all that it held and exposed",
    { kind: "lost" },
    1n,
    [neededAt(call, 2_048), fullOf(call) - neededAt(call, 2_048)],
  ],
])("a stream that %s", (_, end, costNanoUsd, used) => {
  const { reservation, held, spent } = begin(fullOf(call));
  reservation.settle({ costNanoUsd, tokens: 0n, isKnown: end.kind === "said", end });
  expect(spent()).toEqual(used);
  expect(held()).toEqual({ held: 0n, exposed: 0n });
});

test("another attempt is held beside one of which nobody heard", () => {
  const { reservation, held, spent } = begin(3n * fullOf(call));
  const before = held();
  expect(reservation.again()).toBe(true);
  expect(held()).toEqual({ ...before, held: before.held + fullOf(call) });
  const said = { inputNanoUsd: 1_000_000n, outputRateNanoUsd: running.outputRateNanoUsd };
  expect(reservation.covers(3_000, () => said)).toBe(true);
  expect(held().held).toBeGreaterThanOrEqual(fullOf(call) + 1_000_000n + 5_048n * token);
  reservation.settle({
    costNanoUsd: fullOf(call) + 9n,
    tokens: 0n,
    isKnown: false,
    end: { kind: "said", costNanoUsd: fullOf(call) + 9n },
  });
  expect(spent()).toEqual([fullOf(call) + 9n, 0n]);
});

test("what may not run ahead holds all, and asks for no more", () => {
  const { reservation, held, spent } = begin(fullOf(call), false);
  expect(held().held).toBe(fullOf(call));
  expect(reservation.covers(50_000, nothingSaid)).toBe(true);
  reservation.settle({ costNanoUsd: 1n, tokens: 0n, isKnown: false, end: { kind: "lost" } });
  expect(spent()).toEqual([fullOf(call)]);
});
