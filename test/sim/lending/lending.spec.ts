// Lending over everything that can happen to proxies, messages, disks, clocks and the ledger itself: see laws.ts for what must be
// true at every step. If one of them broke, a hard budget would be a wish. That the simulation would see it is shown by planting
// mistakes, one at least for each law.

import { expect, test } from "vitest";
import { seedFromEnv } from "../../support/random.ts";
import { testEnvironment } from "../../support/environment.ts";
import { lendingBugs, type LendingBug } from "./bugs.ts";
import { simulateLending } from "./world.ts";

const seeds = 20_000 * testEnvironment().scale;
const seedsPerBugMax = 6_000;
const firstSeed = seedFromEnv();

test(`lending keeps its laws in ${seeds} seeds`, { timeout: 600_000 }, () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    const { violation, trace } = simulateLending(seed % 2 ** 32);
    if (violation !== undefined) expect.unreachable(`seed ${seed}: ${violation}\n${trace.join("\n")}`);
  }
});

/** A call cost more than was lent, and came to its end before a restore; what somebody else was lent was taken for spent after it. */
const brokenOnce = [830_727_969];

test.each(brokenOnce)("keeps them in seed %i, in which one was broken", (seed) => {
  expect(simulateLending(seed)).toMatchObject({ violation: undefined });
});

// As keys of a record they lose their type.
const bugs = Object.keys(lendingBugs) as LendingBug[];

test.each(bugs)("the simulation finds the planted bug %s", { timeout: 600_000 }, (bug) => {
  for (let seed = firstSeed; seed < firstSeed + seedsPerBugMax; seed += 1) {
    const { violation } = simulateLending(seed % 2 ** 32, bug);
    if (violation === undefined) continue;
    console.log(`${bug}: after ${seed - firstSeed} seeds, ${violation}`);
    return;
  }
  expect.unreachable(`no seed of ${seedsPerBugMax} from ${firstSeed} on shows ${bug}`);
});
