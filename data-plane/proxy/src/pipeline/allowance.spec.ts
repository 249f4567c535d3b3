// Which of several budgets a client is told of, and when it is told to come again. The wrong one, and a person waits for a reset
// that opens nothing; a time too early, and a fleet of agents knocks all night at a door that stays shut.

import { expect, test } from "vitest";
import { allowance, limit, nowMs } from "../fixtures/allowance-fixture.ts";
import {
  describedAllowance,
  isPast,
  percentSettled,
  retryHeaders,
  shortageIn,
  shortageText,
  tightest,
} from "./allowance.ts";

const half = allowance({ settledNanoUsd: 50n });
const nearlyFull = allowance({ settledNanoUsd: 96n });
const spentToday = allowance({ settledNanoUsd: 99n, state: "spent", resetMs: nowMs + 1_000 });
const spentThisMonth = allowance({ settledNanoUsd: 98n, state: "spent", resetMs: nowMs + 9_000 });
const spentForEver = allowance({ settledNanoUsd: 97n, state: "spent", resetMs: undefined });
const held = allowance({ settledNanoUsd: 10n, heldNanoUsd: 90n, state: "held" });

test("while calls go out, the fullest is told of, whatever its size", () => {
  const large = allowance({ limitNanoUsd: 1_000_000n, settledNanoUsd: 800_000n });
  expect(describedAllowance([half, large])).toBe(large);
  expect(describedAllowance([large, nearlyFull, half])).toBe(nearlyFull);
  expect(describedAllowance([])).toBeUndefined();
});

test("where several are spent, the one that stays so for the longest is told of", () => {
  expect(describedAllowance([half, spentThisMonth, spentToday])).toBe(spentThisMonth);
  expect(describedAllowance([spentToday, spentForEver, spentThisMonth])).toBe(spentForEver);
});

test("what is spent comes before what is only held, and neither is made out of numbers", () => {
  expect(shortageIn([held, spentToday])).toEqual({ kind: "spent", allowance: spentToday });
  expect(shortageIn([half, held])).toEqual({ kind: "held", allowance: held });
  // A soft budget is passed, and lets through.
  expect(shortageIn([allowance({ settledNanoUsd: 150n }), nearlyFull])).toBeUndefined();
});

test("a share is exact on both sides of a threshold, and a cap of nothing is full", () => {
  const of = (settledNanoUsd: bigint) => allowance({ limitNanoUsd: 10n ** 18n, settledNanoUsd });
  expect([isPast(of(75n * 10n ** 16n), 75), isPast(of(75n * 10n ** 16n + 1n), 75)]).toEqual([false, true]);
  expect(percentSettled(of(10n ** 18n - 1n))).toBe(99);
  expect(percentSettled(allowance({ limitNanoUsd: 0n }))).toBe(100);
});

test("of several limits of one measure the one that is met first is told of", () => {
  const [minute, day] = [limit({ remaining: 3 }), limit({ remaining: 2 })];
  expect(tightest([minute, day, limit({ measure: "tokens", remaining: 0 })], "requests")).toBe(day);
  expect(tightest([minute], "tokens")).toBeUndefined();
});

test.each([
  ["spent", { kind: "spent", allowance: spentToday }, ["retry-after", "1", "x-should-retry", "false"]],
  ["spent for ever", { kind: "spent", allowance: spentForEver }, ["x-should-retry", "false"]],
  ["held", { kind: "held", allowance: held }, ["retry-after", "5"]],
  ["a minute's limit", { kind: "limit", standing: limit({ resetMs: nowMs + 59_001 }) }, ["retry-after", "60"]],
  [
    "a day's limit",
    { kind: "limit", standing: limit({ resetMs: nowMs + 60_001 }) },
    ["retry-after", "61", "x-should-retry", "false"],
  ],
  ["a reset that was", { kind: "limit", standing: limit({ resetMs: nowMs - 1 }) }, ["retry-after", "1"]],
  [
    "calls at a time",
    { kind: "limit", standing: limit({ measure: "concurrent", resetMs: undefined }) },
    ["retry-after", "1"],
  ],
] as const)("who is refused knows when to come again: %s", (_, shortage, headers) => {
  expect(retryHeaders(shortage, nowMs)).toEqual(headers);
});

test.each([
  [
    { kind: "spent", allowance: spentToday },
    "A budget that this call is charged to is spent. It is that of the key. It resets at 2026-08-07T12:00:01.000Z.",
  ],
  [
    { kind: "spent", allowance: spentForEver },
    "A budget that this call is charged to is spent. It is that of the key. It does not reset by itself.",
  ],
  [
    { kind: "held", allowance: held },
    "What is left of a budget is held by calls that are under way. It is that of the key. Try again in 5s.",
  ],
  [
    { kind: "limit", standing: limit({ limit: 60, resetMs: nowMs + 30_000 }) },
    "A limit is reached. It lets through 60 requests in its window. Try again in 30s.",
  ],
  [
    { kind: "limit", standing: limit({ measure: "concurrent", limit: 4, resetMs: undefined }) },
    "A limit is reached. It lets through 4 calls at a time. Try again in 1s.",
  ],
] as const)("a person can read what is in the way", (shortage, text) => {
  expect(shortageText(shortage, nowMs)).toBe(text);
});
