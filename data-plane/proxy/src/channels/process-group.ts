// Ends a child process and what it started: a child runs in a group of its own, and signals go to the whole group, also when
// its leader has gone before the rest. What leaves its group on purpose (`setsid`) is not reached. Each step has a bound:
// input closed, SIGTERM, SIGKILL.

import { setTimeout as delay } from "node:timers/promises";

const lookEveryMs = 20;

/** False where no process of the group is left. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    // EPERM: it is there, and another user's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Input was closed already. It ends when no process of the group is left, or none of those that can be ended. */
export async function endGroup(group: number, stepMsMax: number): Promise<void> {
  if (await isGoneWithin(group, stepMsMax)) return;
  signalGroup(group, "SIGTERM");
  if (await isGoneWithin(group, stepMsMax)) return;
  signalGroup(group, "SIGKILL");
  await isGoneWithin(group, stepMsMax);
}

async function isGoneWithin(group: number, ms: number): Promise<boolean> {
  for (const endMs = performance.now() + ms; signalGroup(group, 0); await delay(lookEveryMs))
    if (performance.now() > endMs) return false;
  return true;
}
