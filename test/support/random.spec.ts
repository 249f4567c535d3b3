// A printed seed is worth something only if it decides everything, on every machine and in every version of this code:
// the first numbers are therefore pinned.
import { afterEach, expect, test, vi } from "vitest";
import { seededRandom, seedFromEnv } from "./random.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("the same seed gives the same numbers for ever", () => {
  const random = seededRandom(42);
  expect([random.int(1_000_000), random.int(1_000_000), random.int(1_000_000)]).toEqual([601_103, 448_290, 852_465]);
  const again = seededRandom(42);
  expect([again.int(1_000_000), again.next()]).toEqual([601_103, 0.44829055899754167]);
  expect(seededRandom(43).next()).not.toBe(seededRandom(42).next());
});

test("numbers spread evenly over their range", () => {
  const random = seededRandom(7);
  const counts = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 100_000; i++) {
    const digit = random.int(10);
    counts[digit] = (counts[digit] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test("chance 0 is never, chance 1 is always", () => {
  const random = seededRandom(1);
  for (let i = 0; i < 1_000; i++) {
    expect(random.chance(0)).toBe(false);
    expect(random.chance(1)).toBe(true);
  }
});

test("a shuffle is a copy with the same items, and reaches every order", () => {
  const random = seededRandom(3);
  const items = ["a", "b", "c"];
  const orders = new Set(Array.from({ length: 200 }, () => random.shuffle(items).join("")));
  expect(orders.size).toBe(6);
  expect(items).toEqual(["a", "b", "c"]);
  expect(items).toContain(random.pick(items));
  expect(() => random.pick([])).toThrow("no whole number below 0");
});

test("the seed comes from the environment and is printed with the way to repeat it", () => {
  const printed: string[] = [];
  vi.stubEnv("TOLLGATE_TEST_SEED", "4711");
  expect(seedFromEnv((line) => printed.push(line))).toBe(4711);
  expect(printed).toEqual(["seed 4711 (repeat with TOLLGATE_TEST_SEED=4711)"]);
  vi.stubEnv("TOLLGATE_TEST_SEED", "");
  const drawn = seedFromEnv((line) => printed.push(line));
  expect(printed[1]).toContain(String(drawn));
  vi.stubEnv("TOLLGATE_TEST_SEED", "-1");
  expect(() => seedFromEnv()).toThrow('"-1" is not');
});
