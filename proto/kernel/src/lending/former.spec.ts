// What a proxy says of its former boots. Were one of them left out after a restore, the ledger would lend a second time what was
// spent there; were the ledger told that this is all when it is not, so it would by as much.

import { expect, test } from "vitest";
import { limits } from "../limits.ts";
import { tellFormers, type Former, type FormerLease, type KnownToLedger } from "./former.ts";

function leaseOf(lease: number, settled: bigint, open = 0n): FormerLease {
  return { lease, subject: "budget/a", account: "budget/a/1/total", settled, open };
}

const held = (boot: string, ...leases: readonly FormerLease[]) => leases.map((lease) => ({ ...lease, boot }));
const whole: KnownToLedger<string> = { isFrozen: false, knownUntilMs: undefined, held: [] };
const restored: KnownToLedger<string> = { isFrozen: true, knownUntilMs: 1_000_000, held: [] };
const ended: Former<string> = { boot: "a", leases: [leaseOf(1, 5n)], isEnded: true };
const left: Former<string> = { boot: "b", leases: [leaseOf(1, 7n, 2n)], isEnded: false };

test("while the ledger is whole, what a boot left is said until it has ended, whether the ledger lists it or not", () => {
  expect(tellFormers([ended, left], whole, 0).said).toEqual(held("b", leaseOf(1, 7n, 2n)));
});

test("after a restore all boots are spoken for, and that is all", () => {
  const told = tellFormers([ended, left], restored, 0);
  expect(told.said).toEqual([...held("a", leaseOf(1, 5n)), ...held("b", leaseOf(1, 7n, 2n))]);
  expect(told.isAll).toBe(true);
});

test("of what is lent and not on the disk nothing was ever held, and the ledger's word goes for it", () => {
  const told = tellFormers([left], { ...restored, held: held("b", leaseOf(1, 0n, 9n), leaseOf(2, 0n)) }, 0);
  expect(told.said).toEqual(held("b", leaseOf(1, 7n, 2n), leaseOf(2, 0n)));
  expect(told.isAll).toBe(true);
});

test("a boot for which nobody can speak, and one that only the ledger knows, is not all", () => {
  const mute: Former<string> = { boot: "c", leases: undefined, isEnded: false };
  const told = tellFormers([left, mute], { ...restored, held: held("c", leaseOf(1, 3n)) }, 0);
  expect(told.said).toEqual(held("b", leaseOf(1, 7n, 2n)));
  expect(told.isAll).toBe(false);
  expect(tellFormers([left, mute], restored, 0).isAll).toBe(false);
  expect(tellFormers([left], { ...restored, held: held("d", leaseOf(1, 3n)) }, 0).isAll).toBe(false);
});

test("a lease of which the disk does not say whose it is, is said where the ledger knows, and else is not all", () => {
  const unnamed = { ...leaseOf(1, 7n), subject: "", account: "" };
  const former: Former<string> = { boot: "b", leases: [unnamed], isEnded: false };
  const known = tellFormers([former], { ...restored, held: held("b", leaseOf(1, 0n)) }, 0);
  expect(known.said).toEqual(held("b", leaseOf(1, 7n)));
  expect(known.isAll).toBe(true);
  const unknown = tellFormers([former], restored, 0);
  expect(unknown.said).toEqual([]);
  expect(unknown.isAll).toBe(false);
  expect(unknown.whole.size).toBe(0);
  const idle: Former<string> = { boot: "b", leases: [{ ...unnamed, settled: 0n }], isEnded: false };
  expect(tellFormers([idle], restored, 0).isAll).toBe(true);
});

test("what was forgotten is missing only in a backup from before it was over, clocks being off by what they may", () => {
  const skewMs = limits.clockSkewMs;
  expect(tellFormers([], restored, 1_000_000 - skewMs).isAll).toBe(true);
  expect(tellFormers([], restored, 1_000_001 - skewMs).isAll).toBe(false);
  expect(tellFormers([], { ...restored, knownUntilMs: undefined }, 1).isAll).toBe(false);
});
