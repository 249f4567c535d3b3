// What is booked against what a provider bills, over many calls: `npm run soak -- bill [calls]`, ten thousand by default. It is
// the spec of the proxy's model doors, made longer, and prints its seed and its figures.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { inheritedWith } from "../support/environment.ts";

const spec = "data-plane/proxy/src/model/bill.spec.ts";
/** Of the spec, where nothing makes it longer. */
const callsOfSpec = 1_000;

export async function soakBill([calls = "10000"]: readonly string[]): Promise<boolean> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const startMs = Date.now();
  const child = spawn(process.execPath, [vitest, "run", "--reporter=verbose", spec], {
    stdio: "inherit",
    env: inheritedWith({ TOLLGATE_TEST_SCALE: String(Number(calls) / callsOfSpec) }),
  });
  const [code] = await once(child, "exit");
  console.log(`${calls} calls, ${Math.round((Date.now() - startMs) / 1_000)} s`);
  return code === 0;
}
