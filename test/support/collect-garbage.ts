// Lets a spec see what is still held: collects all that is not, without a flag at the start of the process.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What is let go in one turn is collected from the next one on. */
export async function collectGarbage(afterMs = 0): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function") throw new Error("there is no way to collect garbage");
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  gc();
}
