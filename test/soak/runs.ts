// What a soak runs for each of its seeds.

import { simulateFacts } from "../sim/fact-world.ts";
import { simulateLending } from "../sim/lending/world.ts";
import { simulate } from "../sim/world.ts";

export type Run = { violation: string | undefined; events: number };
/** Of one thread; `taken` is shared by all of them. */
export type Task = { name: string; firstSeed: number; seeds: number; endMs: number; taken: Int32Array };
export type Found = Run & { seed: number };

export const runs: { readonly [name: string]: (seed: number) => Promise<Run> } = {
  /** The line from the log to the proxies. */
  async sim(seed) {
    const { violation, events } = await simulate(seed);
    return { violation, events };
  },
  /** Facts on their way from the worker to the store. */
  async facts(seed) {
    return { violation: await simulateFacts(seed), events: 0 };
  },
  /** Money and permits, lent. */
  async lending(seed) {
    const { violation, events, trace } = simulateLending(seed);
    return { violation: violation && [violation, ...trace].join("\n"), events };
  },
};
