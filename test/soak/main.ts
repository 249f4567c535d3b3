// The long runs, each by its name: `npm run soak -- sim`. Each has a short form among the tests, prints its seed and its
// figures, and keeps nothing: the last full result is put into docs/evidence by hand. A broken promise is exit code 1.

import { soakFacts } from "./facts.ts";
import { soakSim } from "./sim.ts";

const soaks: Readonly<Record<string, (args: readonly string[]) => Promise<boolean>>> = {
  facts: soakFacts,
  sim: soakSim,
};

const [name = "", ...args] = process.argv.slice(2);
const soak = soaks[name];
if (!soak) {
  console.error(`There is no soak ${name}; there are: ${Object.keys(soaks).join(", ")}`);
  process.exit(2);
}
process.exit((await soak(args)) ? 0 : 1);
