// A million seeds of the simulation of the line from the log to the proxies: `npm run soak -- sim [seeds] [seconds]`. It
// stops at the first broken promise, or when the seeds or the seconds are over, and says how far it came.

import { seedFromEnv } from "../support/random.ts";
import { simulate } from "../sim/world.ts";

const printEvery = 10_000;

export async function soakSim([seeds = "1000000", seconds = "36000"]: readonly string[]): Promise<boolean> {
  const firstSeed = seedFromEnv();
  const startMs = performance.now();
  const endMs = startMs + Number(seconds) * 1_000;
  let runs = 0;
  let events = 0;
  const told = (): string =>
    `${runs} seeds from ${firstSeed}, ${events} events, ${Math.round((performance.now() - startMs) / 1_000)} s`;
  while (runs < Number(seeds) && performance.now() < endMs) {
    const verdict = await simulate((firstSeed + runs) % 2 ** 32);
    runs++;
    events += verdict.events;
    if (verdict.violation !== undefined) {
      console.log(`broken by seed ${verdict.seed}: ${verdict.violation}\nafter ${told()}`);
      return false;
    }
    if (runs % printEvery === 0) console.log(told());
  }
  console.log(`no promise was broken: ${told()}`);
  return true;
}
