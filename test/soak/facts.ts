// Many seeds of the simulation of facts on their way from the worker to the store: `npm run soak -- facts [seeds] [seconds]`.
// It stops at the first law that is broken, or when the seeds or the seconds are over, and says how far it came.

import { seedFromEnv } from "../support/random.ts";
import { simulateFacts } from "../sim/fact-world.ts";

const printEvery = 10_000;

export async function soakFacts([seeds = "1000000", seconds = "36000"]: readonly string[]): Promise<boolean> {
  const firstSeed = seedFromEnv();
  const startMs = performance.now();
  const endMs = startMs + Number(seconds) * 1_000;
  let runs = 0;
  const told = (): string => `${runs} seeds from ${firstSeed}, ${Math.round((performance.now() - startMs) / 1_000)} s`;
  while (runs < Number(seeds) && performance.now() < endMs) {
    const seed = (firstSeed + runs) % 2 ** 32;
    const violation = await simulateFacts(seed);
    runs++;
    if (violation !== undefined) {
      console.log(`broken by seed ${seed}: ${violation}\nafter ${told()}`);
      return false;
    }
    if (runs % printEvery === 0) console.log(told());
  }
  console.log(`no law was broken: ${told()}`);
  return true;
}
