// Streams and second attempts at a desk: what they come to hold while they run is on disk before anything that a successor has to
// know is said or done, and a lone stream is not cut where there is money, however long it is silent and however slowly it writes.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import type { Hold } from "@tollgate/kernel/lending/lease-book";
import { fullOf } from "@tollgate/kernel/lending/running";
import { BudgetReservation, BudgetSchema } from "@tollgate/schema/resources";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openRecorder, type Recorder } from "../facts/recorder.ts";
import { testKey } from "../facts/spool.fixture.ts";
import { lastTotals } from "../facts/totals.ts";
import { ModelReservation, partsOf, type Costs } from "../model/reservation.ts";
import { budgetCharge } from "./charged.ts";
import type { LendingBatch } from "./desk.ts";
import { deskOf, FakeLedger } from "./ledger.fixture.ts";

let directory: string;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  directory = mkdtempSync(join(tmpdir(), "tollgate-streams-"));
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

const marginTokens = 2_048;
const running = { inputNanoUsd: 5_000_000n, outputRateNanoUsd: 10_000_000_000n, outputTokensMost: 20_000 };
const costs: Costs = { boundNanoUsd: fullOf({ ...running, marginTokens }), running, tokens: 0n };
const epoch = 1n;

function begin(isRunning: boolean, onSaid: (batch: LendingBatch) => void = () => undefined) {
  const ledger = new FakeLedger("money", 1_000_000_000_000n);
  const desk = deskOf(ledger, "p", epoch, { keep: () => recorder.keepTotals(), onSaid });
  const recorder: Recorder = openRecorder({
    ...{ directory, epoch, key: testKey, nowMs: Date.now, maxBytes: 100_000_000, totals: desk, proxyBoot: "b" },
  });
  const budget = create(BudgetSchema, { id: "b", hard: true, reservation: BudgetReservation.RUNNING, marginTokens });
  const charges = [budgetCharge(budget, 0n)];
  const parts = partsOf(charges, costs, () => isRunning);
  let hold: Hold | undefined;
  desk.reserve(parts, (outcome) => {
    if (outcome.kind === "held") ({ hold } = outcome);
  });
  vi.advanceTimersByTime(200);
  if (hold === undefined) throw new Error("nothing was held");
  const held = hold;
  return {
    reservation: new ModelReservation(desk, charges, held, parts, costs.boundNanoUsd),
    held: () => held.parts.map(({ held: amount }) => amount),
  };
}

const onDisk = (): bigint[] => (lastTotals(directory, epoch) ?? []).map(({ open }) => open);

test("a second attempt is paid for on disk before it goes out", () => {
  const { reservation, held } = begin(false);
  expect(reservation.again()).toBe(true);
  expect(onDisk()).toEqual(held());
  expect(onDisk()).toEqual([costs.boundNanoUsd * 2n]);
});

test("what a stream came to hold is on disk before the ledger hears of it, and what it exposed no less", () => {
  let said = 0;
  const { reservation, held } = begin(true, ({ statements }) => {
    for (const { lease, open } of statements) {
      const written = lastTotals(directory, epoch)?.find((one) => one.lease === lease);
      if (written !== undefined) expect(written.open >= (open ?? 0n)).toBe(true);
      said += 1;
    }
  });
  const [first = 0n] = held();
  for (let seen = 0; seen < 9_000; seen += 100) {
    expect(reservation.covers(seen, () => undefined)).toBe(true);
    // What it began with is written with its intent.
    if (held()[0] !== first) expect(onDisk()[0]).toBe(held()[0]);
    vi.advanceTimersByTime(100);
  }
  expect(said).toBeGreaterThan(10);
  expect((held()[0] ?? 0n) > first * 2n).toBe(true);
});

test.each([
  { silentMs: 0, tokensASecond: 100 },
  { silentMs: 29_000, tokensASecond: 100 },
  { silentMs: 40_000, tokensASecond: 100 },
  { silentMs: 0, tokensASecond: 25 },
  { silentMs: 300_000, tokensASecond: 2 },
])("a stream that is silent for $silentMs ms and writes $tokensASecond tokens a second is not cut", (its) => {
  const { reservation } = begin(true);
  vi.advanceTimersByTime(its.silentMs);
  let seen = 0;
  while (seen <= running.outputTokensMost && reservation.covers(seen, () => undefined)) {
    seen += 20;
    vi.advanceTimersByTime((20 / its.tokensASecond) * 1_000);
  }
  expect(seen).toBeGreaterThan(running.outputTokensMost);
});
