// How much of a budget can be used before somebody is refused, where nothing goes wrong: all but the largest reservation, and one
// in a hundred with one proxy, or five with ten that are loaded evenly. What is stranded in leases is money that was promised and
// could not be spent.

import { expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../support/random.ts";
import type { Call } from "./call.ts";
import { SimulatedLedger, type Subject } from "./ledger.ts";
import { newDisk, SimulatedProxy } from "./proxy.ts";

const limit = 1_000_000n;
const largest = 2_000;
const stepMs = 200;
/** So long a call waits for what others give back, before it is refused. */
const patienceMs = 3_000;

/** What was spent when the first call was refused. */
function spentBeforeRefusal(proxies: number, seed: number): bigint {
  const random = seededRandom(seed);
  const subject: Subject = { name: "budget/full", kind: "money", limit, windowMs: 0, periodMs: undefined };
  const ledger = new SimulatedLedger(new Map([[subject.name, subject]]));
  const all = Array.from({ length: proxies }, (_, index) => {
    const disk = newDisk(`p${index}`);
    ledger.proxies.add(disk.proxyId);
    return new SimulatedProxy(disk, `b${index}`, "machine", undefined);
  });
  const since = new Map<Call, number>();
  let spent = 0n;
  for (let nowMs = 0; ; nowMs += stepMs) {
    const now = { monotonicMs: nowMs, wallMs: nowMs };
    for (const proxy of all) {
      for (let calls = random.int(4); calls > 0; calls -= 1) {
        const call = callOf(subject, BigInt(1 + random.int(largest)));
        proxy.waiting.push(call);
        since.set(call, nowMs);
      }
      for (const call of proxy.waiting) call.tries = 0;
      for (const call of proxy.waiting) if (nowMs - (since.get(call) ?? nowMs) > patienceMs) return spent;
      proxy.admit(now);
      for (const call of [...proxy.running]) {
        if (!random.chance(0.3)) continue;
        // Mostly a call costs much less than what it could.
        const cost = (call.input * BigInt(5 + random.int(96))) / 100n;
        proxy.end(call, { kind: "said", costNanoUsd: cost });
        spent += cost;
      }
      const request = proxy.say(now);
      const reply = request && ledger.take(request, nowMs);
      if (reply !== undefined) proxy.hear(reply, now, nowMs);
      for (const call of proxy.waiting) call.tries = 0;
      proxy.admit(now);
    }
  }
}

function callOf(subject: Subject, amount: bigint): Call {
  const terms = { inputNanoUsd: amount, outputRateNanoUsd: 0n, outputTokensMost: 0, marginTokens: 0 };
  const state = {
    written: 0,
    seen: 0,
    tries: 0,
    hold: undefined,
    isShort: false,
    isInputSaid: true,
    bill: 0n,
    billed: 0n,
  };
  const charge = { kind: "full" as const, subject, exposure: undefined, call: terms, has: { held: 0n, exposed: 0n } };
  return {
    id: 0,
    charges: [charge],
    input: amount,
    output: 0,
    tokenPrice: 0n,
    margin: 0,
    most: 0,
    ...state,
    claims: [],
  };
}

test.each([
  [1, 1n],
  [10, 5n],
])("%s holders use all but the largest reservation and %s in a hundred", (holders, strandedPercent) => {
  const firstSeed = seedFromEnv();
  const spent = Array.from({ length: 20 }, (_, index) => spentBeforeRefusal(holders, (firstSeed + index) % 2 ** 32));
  const least = spent.reduce((a, b) => (a < b ? a : b));
  console.log(`${holders} holders: ${spent.map((one) => `${(Number(one) * 100) / Number(limit)} %`).join(", ")}`);
  expect(least).toBeGreaterThanOrEqual(limit - BigInt(largest) - (limit * strandedPercent) / 100n);
});
