// How long a revoked key can live on a proxy that is cut off hangs on the age alone. Whatever clocks do, it must never be less
// than the time for which nothing was heard.

import { limits } from "@tollgate/kernel/limits";
import { expect, test } from "vitest";
import { createReplicaHolder } from "./replica-holder.ts";

const skew = limits.clockSkewMs;

function aging() {
  const clocks = { wall: 1_000_000, monotonic: 0 };
  const holder = createReplicaHolder({ wallMs: () => clocks.wall, monotonicMs: () => clocks.monotonic });
  return {
    clocks,
    ageMs: holder.ageMs,
    tick: (timeMs: number) => holder.apply({ kind: "tick", head: 0n, timeMs }),
    pass(ms: number) {
      clocks.wall += ms;
      clocks.monotonic += ms;
    },
  };
}

test("the age is the time since the newest tick and what two clocks may differ by", () => {
  const { ageMs, tick, pass } = aging();
  expect(ageMs()).toBeUndefined();
  tick(1_000_000);
  pass(5_000);
  expect(ageMs()).toBe(5_000 + skew);
  tick(999_000);
  expect(ageMs()).toBe(5_000 + skew);
  tick(1_004_000);
  expect(ageMs()).toBe(1_000 + skew);
});

test("a tick that a cache brings back counts from when it was made, before there is any snapshot", () => {
  const { ageMs, tick } = aging();
  tick(400_000);
  expect(ageMs()).toBe(600_000 + skew);
});

test("a clock that is set back makes nothing young, and one that stands still while the machine sleeps neither", () => {
  const { ageMs, tick, clocks, pass } = aging();
  tick(1_000_000);
  pass(60_000);
  clocks.wall -= 3_600_000;
  expect(ageMs()).toBe(60_000 + skew);
  clocks.wall += 2 * 3_600_000;
  expect(ageMs()).toBe(3_660_000 + skew);
});

test("a tick from the future is no more than one of now, and those after it are heard", () => {
  const { ageMs, tick, pass } = aging();
  tick(9_000_000_000);
  pass(skew + 10_000);
  expect(ageMs()).toBe(skew + 10_000 + skew);
  tick(1_000_000 + skew + 10_000);
  expect(ageMs()).toBe(skew);
});
