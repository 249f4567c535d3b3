// The long runs, each by its name: `npm run soak -- sim [seeds] [seconds]`, a million seeds by default, on all processors. Each
// has a short form among the tests, prints its first seed and its figures, and keeps nothing: the last result is put into
// docs/evidence by hand. It stops at the first broken promise, which is exit code 1, or when the seeds or the seconds are over,
// and says how far it came: all seeds from the first on, without a gap, so that a later run can go on where it ended. What has
// no seeds and counts its misses instead is `clients [turns]` (clients.ts).

import { availableParallelism } from "node:os";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { seedFromEnv } from "../support/random.ts";
import { soakBill } from "./bill.ts";
import { soakClients } from "./clients.ts";
import { runs, type Found, type Task } from "./runs.ts";

const printEvery = 10_000;

async function soak(name: string, [seeds = "1000000", seconds = "36000"]: readonly string[]): Promise<boolean> {
  const startMs = Date.now();
  const firstSeed = seedFromEnv();
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const task: Task = { name, firstSeed, seeds: Number(seeds), endMs: startMs + Number(seconds) * 1_000, taken };
  let [done, events] = [0, 0];
  let broken: Found | undefined;
  const told = (): string =>
    `${done} seeds from ${firstSeed}, ${events} events, ${Math.round((Date.now() - startMs) / 1_000)} s`;
  const threads = Array.from({ length: availableParallelism() }, () => {
    return new Worker(new URL("worker.ts", import.meta.url), { workerData: task });
  });
  for (const thread of threads)
    thread.on("message", (found: Found) => {
      if (broken) return;
      done++;
      events += found.events;
      if (found.violation !== undefined) broken = found;
      if (broken) for (const other of threads) void other.terminate();
      else if (done % printEvery === 0) console.log(told());
    });
  await Promise.all(threads.map((thread) => once(thread, "exit")));
  console.log(
    broken ? `broken by seed ${broken.seed}: ${broken.violation}\nafter ${told()}` : `no promise was broken: ${told()}`,
  );
  return broken === undefined;
}

const others: { readonly [name: string]: (args: readonly string[]) => Promise<boolean> } = {
  clients: soakClients,
  bill: soakBill,
};

const [name = "", ...args] = process.argv.slice(2);
if (!(name in others) && !(name in runs)) {
  console.error(`There is no soak ${name}; there are: ${[...Object.keys(runs), ...Object.keys(others)].join(", ")}`);
  process.exit(2);
}
process.exit((await (others[name] ?? ((given) => soak(name, given)))(args)) ? 0 : 1);
