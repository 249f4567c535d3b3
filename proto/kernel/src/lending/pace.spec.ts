// How soon a lease knows how much is used of it: whoever comes all at once after a pause waits for the ledger a few times, and
// then no more.

import { expect, test } from "vitest";
import { exchange, newLease, openAccount } from "./account.ts";
import { Lease, type LeaseAnswer } from "./lease.ts";
import { Pace } from "./pace.ts";

const roundTripMs = 50;
const exchangeMs = 500;
const callsPerMs = 0.4;

/** When calls had to wait: the beginnings of the times in which they did. */
function waits(pauseMs: number, burstMs: number): number[] {
  let account = openAccount("window", 1_000_000_000n, 3_600_000);
  let atLedger = newLease;
  const lease = new Lease(1, "limit/one", "window", { monotonicMs: 0, wallMs: 0 });
  let underWay: { sentMs: number; statement: ReturnType<Lease["statement"]> } | undefined;
  let nextMs = 0;
  let calls = 0;
  let waiting = 0;
  const begun: number[] = [];
  for (let nowMs = 0; nowMs < pauseMs + burstMs; nowMs++) {
    const now = { monotonicMs: nowMs, wallMs: nowMs };
    if (underWay !== undefined && nowMs === underWay.sentMs + roundTripMs) {
      const answered = exchange(account, atLedger, underWay.statement, { nowMs, isFrozen: false });
      ({ account, lease: atLedger } = answered);
      const news = { limit: account.limit, settled: 0n, counted: account.counted };
      const more = { account: "one", msLeft: undefined, isOver: false, isFrozen: false, news };
      const sentAt = { monotonicMs: underWay.sentMs, wallMs: underWay.sentMs };
      lease.answered({ ...answered.answer, ...more } satisfies LeaseAnswer, sentAt);
      underWay = undefined;
    }
    const came = nowMs < pauseMs ? 0 : Math.floor((nowMs - pauseMs) * callsPerMs) - calls;
    calls += came;
    // One probe long before, as it happens: the lease is known, and its pace is none.
    if (nowMs === 0) waiting = 1;
    const wasWaiting = waiting > 0;
    waiting += came;
    for (; waiting > 0 && lease.unspent > 0n; waiting--) {
      lease.hold(1n, now);
      lease.settle(1n, 1n);
    }
    if (waiting > 0 && !wasWaiting) begun.push(nowMs - pauseMs);
    lease.lacks(waiting > 0 ? 1n : 0n, BigInt(waiting));
    if (underWay === undefined && (waiting > 0 || nowMs >= nextMs) && lease.isDue(now)) {
      underWay = { sentMs: nowMs, statement: lease.statement(now) };
      nextMs = nowMs + exchangeMs;
    }
  }
  return begun;
}

test("who comes all at once after a pause waits for the ledger a few times at the beginning, and then no more", () => {
  const begun = waits(5_000, 10_000);
  expect(begun.length).toBeGreaterThan(0);
  expect(begun.length).toBeLessThanOrEqual(3);
  expect(Math.max(...begun)).toBeLessThan(500);
});

test("a pace that has been steady is told rightly from the first on, by the long and by the short", () => {
  for (const pace of [new Pace(5_000, 500, 0), new Pace(500, 500, 0)])
    for (let nowMs = 1; nowMs <= 20_000; nowMs++) {
      pace.uses(3, nowMs);
      if (nowMs < 500) continue;
      expect(pace.at(nowMs)).toBeGreaterThan(2.9);
      expect(pace.at(nowMs)).toBeLessThan(3.1);
    }
});
