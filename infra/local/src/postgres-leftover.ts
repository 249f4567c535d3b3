// Clears the way for a server on a data directory where an earlier one may still run. A server whose launcher was killed
// is an orphan: it is stopped, cleanly where it lets us. A server whose launcher lives is never touched: the start is
// refused. A process is only ever signalled after its program, its directory and its parent said what it is.
import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const fastStopMsMax = 10_000;
const immediateStopMsMax = 3_000;
const pollMs = 20;

/** The setting on the server's command line that says which process started it; PostgreSQL ignores it. */
export const launcherSetting = "tollgate.launcher";

/**
 * Returns the process id that a stale pid file names, if any. By now it is known not to be a server of this directory,
 * but PostgreSQL cannot tell that a living process merely inherited the number, and would refuse.
 */
export async function stopLeftover(clusterDir: string, onLog: (line: string) => void): Promise<number | undefined> {
  const pidFile = await readFile(join(clusterDir, "postmaster.pid"), "utf8").catch(() => "");
  const pid = Number(pidFile.split("\n")[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return undefined;
  const server = await lookUp(pid);
  if (server === undefined || !runsOn(server, clusterDir)) return pid;
  const launcher = new RegExp(` ${launcherSetting}=(\\d+)`).exec(server.command)?.[1];
  // A child is handed to another parent when its own dies, so this says "alive" of the very launcher, not of its number.
  if (Number(launcher) === server.parent) {
    throw new Error(`The directory ${clusterDir} is in use by another Tollgate (process ${launcher}).`);
  }
  onLog(`stopping the server of a launcher that is gone (process ${pid})`);
  for (const [signal, msMax] of [
    ["SIGINT", fastStopMsMax],
    ["SIGQUIT", immediateStopMsMax],
    ["SIGKILL", immediateStopMsMax],
  ] as const) {
    signalIfAlive(pid, signal);
    const deadline = performance.now() + msMax;
    while (performance.now() < deadline) {
      const now = await lookUp(pid);
      if (now === undefined || !runsOn(now, clusterDir)) return pid;
      await delay(pollMs);
    }
  }
  throw new Error(`An earlier PostgreSQL (process ${pid}) on ${clusterDir} does not stop.`);
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

interface ProcessFacts {
  readonly parent: number;
  readonly command: string;
  readonly cwd: string | undefined;
}

/** A server works in its data directory, so a directory that was renamed under a running server is still recognised. */
function runsOn(server: ProcessFacts, clusterDir: string): boolean {
  return (
    server.command.includes("/bin/postgres -D ") &&
    (server.cwd === clusterDir || server.command.includes(` -D ${clusterDir} `))
  );
}

/** Undefined when there is no such process, or only what is left of one that nobody has waited for. */
async function lookUp(pid: number): Promise<ProcessFacts | undefined> {
  if (process.platform !== "linux") return lookUpWithPs(pid);
  const proc = `/proc/${pid}`;
  try {
    const stat = await readFile(`${proc}/stat`, "utf8");
    // The program's name stands in parentheses and may itself hold spaces and parentheses.
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || parent === undefined) return undefined;
    const command = (await readFile(`${proc}/cmdline`, "utf8")).replaceAll("\0", " ");
    return { parent: Number(parent), command, cwd: await readlink(`${proc}/cwd`).catch(() => undefined) };
  } catch {
    return undefined;
  }
}

async function lookUpWithPs(pid: number): Promise<ProcessFacts | undefined> {
  const ps = await promisify(execFile)("ps", ["-o", "ppid=,command=", "-p", String(pid)]).catch(() => undefined);
  const [, parent, command] = /^\s*(\d+)\s+(.*)$/m.exec(ps?.stdout ?? "") ?? [];
  if (parent === undefined || command === undefined) return undefined;
  return { parent: Number(parent), command: `${command} `, cwd: undefined };
}
