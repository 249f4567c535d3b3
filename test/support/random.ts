// Random numbers that a failing run can repeat: one seed decides them all, on every machine. The seed comes from
// TOLLGATE_TEST_SEED or is drawn, and is printed either way. Not for anything that must be hard to guess.
import { randomInt } from "node:crypto";
import { testEnvironment } from "./environment.ts";

export interface SeededRandom {
  readonly seed: number;
  /** At least 0, below 1. */
  next(): number;
  /** A whole number, at least 0, below `limit`. */
  int(limit: number): number;
  /** True in `probability` of all cases: 0 never, 1 always. */
  chance(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
}

const seedLimit = 2 ** 32;

export function seededRandom(seed: number): SeededRandom {
  if (!Number.isInteger(seed) || seed < 0 || seed >= seedLimit) throw new Error(`a seed is 32 bits, ${seed} is not`);
  let state = seed;
  // mulberry32: 32 bits of state, passes the usual statistical batteries, and fits on four lines.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / seedLimit;
  };
  const int = (limit: number): number => {
    if (!Number.isInteger(limit) || limit < 1 || limit > seedLimit) throw new Error(`no whole number below ${limit}`);
    return Math.floor(next() * limit);
  };
  return {
    seed,
    next,
    int,
    chance: (probability) => next() < probability,
    pick: <T>(choices: readonly T[]): T => at(choices, int(choices.length)),
    shuffle: <T>(items: readonly T[]): T[] => {
      const rest = [...items];
      return items.map(() => at(rest.splice(int(rest.length), 1), 0));
    },
  };
}

/** Prints the seed with the way to repeat it, so that a failure in CI can be brought home. */
export function seedFromEnv(print: (line: string) => void = console.log): number {
  const { seed: wanted } = testEnvironment();
  const seed = wanted === undefined ? randomInt(seedLimit) : Number(wanted);
  if (!Number.isInteger(seed) || seed < 0 || seed >= seedLimit) {
    throw new Error(`TOLLGATE_TEST_SEED is a whole number below ${seedLimit}, "${wanted}" is not`);
  }
  print(`seed ${seed} (repeat with TOLLGATE_TEST_SEED=${seed})`);
  return seed;
}

function at<T>(items: readonly T[], index: number): T {
  if (index >= items.length) throw new Error(`no item ${index} in a list of ${items.length}`);
  // The bounds are checked above; T itself may include undefined, so the value cannot be tested instead.
  return items[index] as T;
}
