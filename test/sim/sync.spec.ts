// Whatever drops, repeats, delays, hangs, dies or is restored: a proxy applies every position once and in order, never shows
// half of a commit, and ends where the log is. The follower and the fold are the real ones; all around them is simulated and
// decided by a seed. That the simulation would see a broken promise is shown by planting bugs.

import { describe, expect, test } from "vitest";
import { seedFromEnv } from "../support/random.ts";
import { bugs, firstViolation, simulate, type Scenario, type Verdict } from "./world.ts";

const seeds = 2_000;
const firstSeed = seedFromEnv();

function told({ seed, violation, trace }: Verdict): string {
  return `seed ${seed}: ${violation}\n${trace.slice(-40).join("\n")}\nrepeat with TOLLGATE_TEST_SEED=${seed}`;
}

async function mustHold(scenario: Parameters<typeof firstViolation>[2], runs: number): Promise<void> {
  const broken = await firstViolation(firstSeed, runs, scenario);
  if (broken) throw new Error(told(await simulate(broken.seed, { ...scenario, isTraced: true })));
}

describe("the line from the log to the proxies", () => {
  test(`keeps its promises in ${seeds} seeds`, { timeout: 600_000 }, () => mustHold({}, seeds));

  test("gets past brokers that say the same again and again when no relay writes to them", { timeout: 600_000 }, () =>
    mustHold({ calm: "without-relay" }, 100),
  );

  test("is stopped without an error, whatever is under way", { timeout: 600_000 }, () =>
    mustHold({ mustStopCleanly: true }, 300),
  );
});

/** Where it takes more than the usual calm to see it. */
const shownIn: Partial<Record<(typeof bugs)[number], Scenario>> = {
  "replayed-ticks-are-news": { calm: "without-relay" },
};

/** Where one promise in particular has to be seen broken. */
const shownBy: Partial<Record<(typeof bugs)[number], RegExp>> = {
  "follower-takes-old-snapshots": /went back/,
  "replayed-ticks-are-news": /the log is at/,
  "replica-loses-a-change": /the state is not the log's/,
  "age-without-skew": /claims an age/,
};

describe("the simulation", () => {
  test("is decided by its seed alone", async () => {
    for (let seed = firstSeed; seed < firstSeed + 5; seed++) {
      const first = await simulate(seed % 2 ** 32, { isTraced: true });
      expect(first.trace.length).toBeGreaterThan(20);
      expect(await simulate(seed % 2 ** 32, { isTraced: true })).toEqual(first);
    }
  });

  test.each(bugs)("finds the planted bug %s", { timeout: 600_000 }, async (bug) => {
    const seedsMax = 200;
    const found = await firstViolation(firstSeed, seedsMax, { bug, ...shownIn[bug] }, shownBy[bug]);
    expect(found, `no seed of ${seedsMax} from ${firstSeed} on shows ${bug}`).toBeDefined();
    if (found) console.log(`${bug}: seed ${found.seed}, ${found.violation}`);
  });
});
