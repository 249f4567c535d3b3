// One thread of a soak: takes the next seed that nobody has taken until they are over or the time is.

import { parentPort, workerData } from "node:worker_threads";
import { runs, type Found, type Task } from "./runs.ts";

const { name, firstSeed, seeds, endMs, taken } = workerData as Task; // Only main.ts starts it.
const run = runs[name];
if (!run) throw new Error(`there is no soak ${name}`);

while (Date.now() < endMs) {
  const index = Atomics.add(taken, 0, 1);
  if (index >= seeds) break;
  const seed = (firstSeed + index) % 2 ** 32;
  const { violation, events } = await run(seed);
  parentPort?.postMessage({ seed, violation, events } satisfies Found);
}
