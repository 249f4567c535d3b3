// `npm run bench [-- NAME …]`: every benchmark, or those that are named, one after the other, a JSON line a figure. It needs
// a database of its own, which it starts and ends; it never fails on a figure.

import { setup, teardown } from "../support/global-setup.ts";
import { benchAppends } from "./appends.ts";
import { benchCalls } from "./calls.ts";
import { benchFacts } from "./facts.ts";
import { benchLatency } from "./latency.ts";
import { benchModels } from "./models.ts";
import { benchPolicies } from "./policies.ts";
import { benchQuotas } from "./quotas.ts";
import { benchReplica } from "./replica.ts";

const benches: { [name: string]: () => Promise<void> } = {
  appends: benchAppends,
  calls: benchCalls,
  facts: benchFacts,
  models: benchModels,
  policies: benchPolicies,
  quotas: benchQuotas,
  replica: benchReplica,
  revocation: benchLatency,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}.`);
  process.exit(2);
}
await setup();
try {
  for (const [name, run] of Object.entries(benches)) if (asked.length === 0 || asked.includes(name)) await run();
} finally {
  await teardown();
}
