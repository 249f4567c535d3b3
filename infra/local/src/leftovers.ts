// Writes down which processes a launcher has started, and ends those of a launcher that was killed before they noticed by
// themselves. A process is signalled only if it is the very one that was written down. PostgreSQL is not among them: it
// looks after its own orphans.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { identify, isKnownProcess, isSame } from "./process-identity.ts";
import type { KnownProcess } from "./process-identity.ts";
import { killGroup } from "./program.ts";

const graceMs = 5_000;
const pollMs = 25;

export interface ProcessRecord {
  add(pid: number): void;
}

export function openProcessRecord(dataDir: string): ProcessRecord {
  const path = join(dataDir, "processes.json");
  let known: KnownProcess[] = [];
  return {
    add(pid) {
      const added = identify(pid);
      known = [...known.filter(isSame), ...(added === undefined ? [] : [added])];
      writeFileSync(`${path}.new`, JSON.stringify(known));
      renameSync(`${path}.new`, path);
    },
  };
}

export async function endLeftovers(dataDir: string): Promise<void> {
  await Promise.all(readRecord(join(dataDir, "processes.json")).map(end));
}

async function end(left: KnownProcess): Promise<void> {
  const deadline = performance.now() + graceMs;
  if (isSame(left)) process.kill(left.pid, "SIGTERM");
  while (isSame(left) && performance.now() < deadline) await delay(pollMs);
  if (isSame(left)) killGroup(left.pid);
  while (isSame(left)) await delay(pollMs);
}

function readRecord(path: string): KnownProcess[] {
  try {
    const recorded: unknown = JSON.parse(readFileSync(path, "utf8"));
    return Array.isArray(recorded) ? recorded.filter(isKnownProcess) : [];
  } catch {
    // The first start, or a record that a crash of the machine cut off, which no process survived either.
    return [];
  }
}
