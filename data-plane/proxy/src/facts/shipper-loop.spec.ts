// When the shipper steps, on the test's own clock.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runShipper } from "./shipper-loop.ts";
import type { Shipper, StepResult } from "./shipper.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function fake(results: StepResult[]): Shipper & { steps: number } {
  const shipper = {
    steps: 0,
    step: () => {
      shipper.steps += 1;
      return Promise.resolve(results.shift() ?? "waiting");
    },
    reported: () => undefined,
    reconnected: () => undefined,
    spooled: () => [],
    isDrained: () => results.length === 0,
    sinkName: () => "fake",
  };
  return shipper;
}

const unexpected = (error: unknown): never => expect.unreachable(String(error));

test("many wake-ups share one step, and without any it looks by itself", async () => {
  const shipper = fake([]);
  const loop = runShipper(shipper, unexpected);
  await vi.advanceTimersByTimeAsync(1);
  expect(shipper.steps).toBe(1);
  for (let i = 0; i < 100; i++) loop.wake();
  await vi.advanceTimersByTimeAsync(210);
  expect(shipper.steps).toBe(2);
  await vi.advanceTimersByTimeAsync(600);
  expect(shipper.steps).toBe(3);
  await loop.close(0);
});

test("while there is more it goes on at once; while sending fails it pauses ever longer, wake-ups or not", async () => {
  const shipper = fake(["more", "more", "failed", "failed", "failed", "failed", "failed", "failed"]);
  const loop = runShipper(shipper, unexpected);
  await vi.advanceTimersByTimeAsync(1);
  expect(shipper.steps).toBe(3);
  for (let ms = 0; ms < 2_000; ms += 10) {
    loop.wake();
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(shipper.steps).toBeGreaterThan(4);
  expect(shipper.steps).toBeLessThan(9);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(shipper.steps).toBeGreaterThan(9);
  await loop.close(0);
});

test("closing goes on until everything is stored, and no longer than it may", async () => {
  const shipper = fake(["waiting", "failed", "more", "more"]);
  const loop = runShipper(shipper, unexpected);
  const closed = loop.close(10_000);
  await vi.advanceTimersByTimeAsync(1_000);
  await closed;
  expect(shipper.isDrained()).toBe(true);

  const stuck = fake(Array.from({ length: 100_000 }, () => "failed" as const));
  let isClosed = false;
  void runShipper(stuck, unexpected)
    .close(2_000)
    .then(() => (isClosed = true));
  await vi.advanceTimersByTimeAsync(1_900);
  expect(isClosed).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(isClosed).toBe(true);
});

test("a bug in a step is told and does not end the shipping", async () => {
  const told: unknown[] = [];
  const shipper = fake([]);
  let isBroken = true;
  const loop = runShipper(
    { ...shipper, step: () => (isBroken ? Promise.reject(new Error("planted")) : shipper.step()) },
    (error) => told.push(error),
  );
  await vi.advanceTimersByTimeAsync(1);
  expect(told.length).toBe(1);
  isBroken = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(shipper.steps).toBeGreaterThan(0);
  await loop.close(0);
});
