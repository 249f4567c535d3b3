// Facts over everything that can happen to workers, disks, lines and databases: see fact-laws.ts for what must be true in the
// end. That the simulation would see a broken promise is shown by planting bugs.
import { describe, expect, test } from "vitest";
import { seedFromEnv } from "../support/random.ts";
import { factBugs, simulateFacts } from "./fact-world.ts";

const seeds = 150;
const firstSeed = seedFromEnv();

describe("facts on their way from the worker to the store", () => {
  test(`keep their laws in ${seeds} seeds`, { timeout: 600_000 }, async () => {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++)
      expect(await simulateFacts(seed % 2 ** 32), `seed ${seed}`).toBeUndefined();
  });

  test.each(factBugs)("the simulation finds the planted bug %s", { timeout: 600_000 }, async (bug) => {
    const seedsMax = 1_500;
    for (let seed = firstSeed; seed < firstSeed + seedsMax; seed++) {
      const violation = await simulateFacts(seed % 2 ** 32, bug);
      if (violation !== undefined) return console.log(`${bug}: seed ${seed}, ${violation}`);
    }
    expect.unreachable(`no seed of ${seedsMax} from ${firstSeed} on shows ${bug}`);
  });
});
