// Where the programs of real servers lie once they are installed; they are no dependencies of the workspace (compare
// test/clients/install.ts). It knows packages and their programs, not how a server is started: that is servers.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { npmPackages } from "../support/npm-packages.ts";
import type { Availability } from "../support/real-part.ts";

/** For `describeWith`: installs on the way. */
export async function serversAvailability(): Promise<Availability> {
  const packages = await npmPackages(import.meta.dirname);
  return "missing" in packages ? { available: false, reason: packages.missing } : { available: true };
}

const manifest = z.looseObject({ bin: z.union([z.string(), z.record(z.string(), z.string())]) });

/** The script behind the package's program; of several the one that is named. */
export async function scriptOf(packageName: string, bin?: string): Promise<string> {
  const packages = await npmPackages(import.meta.dirname);
  if ("missing" in packages) throw new Error(packages.missing);
  const home = join(packages.folder, "node_modules", packageName);
  const { bin: bins } = manifest.parse(JSON.parse(readFileSync(join(home, "package.json"), "utf8")));
  const script = typeof bins === "string" ? bins : bin === undefined ? Object.values(bins)[0] : bins[bin];
  if (script === undefined) throw new Error(`${packageName} has no program ${bin ?? ""}`);
  return join(home, script);
}
