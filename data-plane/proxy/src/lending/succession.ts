// Whether this boot stands in for the one before it: the same directory, on a machine that was not started again since. Whoever
// holds the directory's lock then knows that the former boot is gone, and that what lies here is all that it wrote. A copy lies
// elsewhere, and after a move to another machine nobody can tell whether the former one still runs there; in both cases what was
// lent to it stays with it until somebody writes it off.

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A ledger that is on this machine, too, was started again with it: nobody else can have been lent anything by it. */
export const besideTheLedger = "beside the ledger";

/** Once at the start, under the directory's lock. It leaves word for the next boot. */
export function standsIn(directory: string, bootId: string | undefined = machineBoot()): boolean {
  const path = join(directory, "machine.json");
  const { dev, ino } = statSync(directory, { bigint: true });
  const here = `${JSON.stringify({ boot: bootId ?? "", directory: `${dev}/${ino}` })}\n`;
  const isSame = bootId !== undefined && here === readOrEmpty(path);
  try {
    if (!isSame) writeFileSync(path, here, { mode: 0o600 });
  } catch {
    // The next boot finds what is there, which is not its own, and stands in for nobody.
  }
  return isSame;
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
