// For which epochs this boot stands in: those that were begun in the same directory, on a machine that was not started again
// since. Whoever holds the directory's lock then knows that the boots that had them are gone, and that what lies here is all
// that they wrote. A copy lies elsewhere, and after a move to another machine nobody can tell whether the former one still runs
// there; in both cases what was lent before stays with whom it was lent to until somebody writes it off.

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A ledger that is on this machine, too, was started again with it: nobody else can have been lent anything by it. */
export const besideTheLedger = "beside the ledger";

/** The first of those epochs. Once at the start, under the directory's lock. It leaves word for the next boot. */
export function standsInFrom(directory: string, usedUpTo: bigint, bootId: string | undefined = machineBoot()): bigint {
  const path = join(directory, "machine.json");
  const { dev, ino } = statSync(directory, { bigint: true });
  const here = `{"boot":${JSON.stringify(bootId ?? "")},"directory":"${dev}/${ino}","from":"`;
  const kept = readOrEmpty(path);
  const from = kept.startsWith(here) ? /^(\d{1,19})"\}\n$/.exec(kept.slice(here.length))?.[1] : undefined;
  if (bootId !== undefined && from !== undefined) return BigInt(from);
  try {
    writeFileSync(path, `${here}${usedUpTo + 1n}"}\n`, { mode: 0o600 });
  } catch {
    // The next boot finds what is there, which is not its own, and stands in for none of these.
  }
  return usedUpTo + 1n;
}

/** Another one after each start of the machine, for containers that of their host; undefined where nobody says. */
function machineBoot(): string | undefined {
  const id = readOrEmpty("/proc/sys/kernel/random/boot_id").trim();
  return id === "" ? undefined : id;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
