// What a proxy can still say to a ledger that comes back from a backup. If it lost a lease and did not know that it did, a budget
// would be lent a second time by as much.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginForgetting, forgottenMs, isEnded, keepEnded, noteForgotten, readEnded } from "./ended-leases.ts";
import { removeEpoch } from "./spool-file.ts";
import { markBelieved, type LeaseTotals } from "./totals.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-ended-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function leaseOf(lease: number, settled: bigint): LeaseTotals {
  return { lease, subject: `budget/b${lease}`, account: `budget/b${lease}/1/total`, settled, open: 0n };
}

function end(epoch: bigint, ...leases: readonly LeaseTotals[]): void {
  markBelieved(directory, epoch, "b");
  keepEnded(directory, epoch, leases);
}

test("what leases ended with is read as it was kept, however many there are, and goes with its epoch", () => {
  const many = Array.from({ length: 3_000 }, (_, lease) => leaseOf(lease, BigInt(lease) + 9_007_199_254_740_993n));
  end(3n, ...many);
  expect(isEnded(directory, 3n)).toBe(true);
  expect(readEnded(directory, 3n)).toEqual(many);
  removeEpoch(directory, 3n);
  expect(readdirSync(directory)).toEqual([]);
});

test("who has never had an epoch has forgotten nothing, and every other one everything up to now", () => {
  beginForgetting(directory, 0n, 5_000);
  expect(forgottenMs(directory)).toBe(0);
  beginForgetting(directory, 7n, 6_000);
  expect(forgottenMs(directory)).toBe(0);
  rmSync(join(directory, "forgotten"));
  beginForgetting(directory, 7n, 7_000);
  expect(forgottenMs(directory)).toBe(7_000);
});

test("a note that is missing or damaged says that all may be forgotten", () => {
  expect(forgottenMs(directory)).toBe(Number.MAX_SAFE_INTEGER);
  writeFileSync(join(directory, "forgotten"), "");
  expect(forgottenMs(directory)).toBe(Number.MAX_SAFE_INTEGER);
});

test("it is noted when the last epoch was over that was let go, unless nothing was lent in it", () => {
  beginForgetting(directory, 0n, 0);
  end(1n, leaseOf(1, 5n));
  end(2n);
  markBelieved(directory, 3n, "b");
  noteForgotten(directory, 2n, 9_000);
  expect(forgottenMs(directory)).toBe(0);
  noteForgotten(directory, 1n, 3_000);
  expect(forgottenMs(directory)).toBe(3_000);
  // Of it nothing is known: something may have been lent.
  noteForgotten(directory, 3n, 4_000);
  noteForgotten(directory, 1n, 3_500);
  expect(forgottenMs(directory)).toBe(4_000);
});
