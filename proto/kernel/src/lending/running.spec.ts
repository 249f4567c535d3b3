// A stream's way through what it holds, at random: whatever is seen when, held and exposed are the most that the call can cost,
// and what is held is at least what a provider bills that is cancelled now. If it were less, nobody would pay for the rest.

import { expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import {
  extended,
  extensionAt,
  firstHold,
  fullOf,
  inputSaid,
  neededAt,
  settledAt,
  type Held,
  type RunningCall,
} from "./running.ts";

/** An answer of a model at $75 for a million tokens, that may write 128,000. */
const call: RunningCall = {
  ...{ inputNanoUsd: 30_000_000n, outputRateNanoUsd: 75_000_000_000n },
  ...{ outputTokensMost: 128_000, marginTokens: 2_048 },
};
const token = 75_000n;

test("a stream holds its input, a margin and a step, and exposes the rest", () => {
  expect(firstHold(call, 10n ** 12n)).toEqual({
    held: 30_000_000n + 4_096n * token,
    exposed: (128_000n - 4_096n) * token,
  });
});

test("where the exposure does not fit, it holds all of it, and never asks for more", () => {
  const has = firstHold(call, 1_000n);
  expect(has).toEqual({ held: 30_000_000n + 128_000n * token, exposed: 0n });
  expect(extensionAt(call, has, 128_000)).toBeUndefined();
});

test("it asks for a step while half of one is left, and stands still where none is", () => {
  const has = firstHold(call, 10n ** 12n);
  expect(extensionAt(call, has, 1_024)).toBeUndefined();
  expect(extensionAt(call, has, 1_025)).toEqual({ more: 1_025n * token, isUrgent: false });
  expect(extensionAt(call, has, 2_049)).toEqual({ more: 2_049n * token, isUrgent: true });
});

test("once the input is known, what was held above it comes back", () => {
  const had = firstHold(call, 10n ** 12n);
  const said = { inputNanoUsd: 1_000_000n, outputRateNanoUsd: call.outputRateNanoUsd };
  const { has } = inputSaid(call, had, said, 0);
  expect(has).toEqual({ held: had.held - 29_000_000n, exposed: had.exposed });
});

test("broken off it costs what was seen and the margin; where nobody knows whether the provider heard, all that it can", () => {
  const has = firstHold(call, 10n ** 12n);
  expect(settledAt(call, has, { kind: "cancelled", seenTokens: 100 })).toEqual({
    held: 30_000_000n + 2_148n * token,
    exposed: 0n,
  });
  expect(settledAt(call, has, { kind: "cancelled", seenTokens: 9_999 }).held).toBe(has.held);
  expect(settledAt(call, has, { kind: "lost" })).toEqual(has);
  expect(settledAt(call, has, { kind: "said", costNanoUsd: 7n })).toEqual({ held: 7n, exposed: 0n });
});

test("held and exposed are always the most that the call can cost, and held what a cancelled provider bills", () => {
  const random = seededRandom(seedFromEnv());
  for (let round = 0; round < 5_000; round += 1) {
    const some: RunningCall = {
      inputNanoUsd: BigInt(random.int(1_000_000)),
      outputRateNanoUsd: BigInt(random.int(90_000) * 1_000_003),
      outputTokensMost: random.int(20_000),
      marginTokens: random.pick([0, 1, 500, 2_048]),
    };
    let now = some;
    let has: Held = firstHold(some, BigInt(random.int(2_000_000)) * 1_000n);
    let isWaiting = false;
    for (let seen = 0; seen < some.outputTokensMost && !isWaiting; seen += 1 + random.int(1_500)) {
      const tokens = Math.min(seen, some.outputTokensMost);
      if (random.chance(0.1)) {
        const inputNanoUsd = (now.inputNanoUsd * BigInt(random.int(120))) / 100n;
        ({ call: now, has } = inputSaid(now, has, { inputNanoUsd, outputRateNanoUsd: now.outputRateNanoUsd }, tokens));
      }
      const extension = extensionAt(now, has, tokens);
      if (extension !== undefined && random.chance(0.9)) has = extended(has, extension);
      else isWaiting = extension?.isUrgent === true;
      expect(has.held + has.exposed).toBe(fullOf(now));
      expect(has.held >= 0n && has.exposed >= 0n).toBe(true);
      if (!isWaiting) expect(has.held >= neededAt(now, tokens)).toBe(true);
    }
  }
});
