// Tells whether a process id still means the process that it meant when it was written down. The kernel hands numbers out
// again, after a reboot from the beginning, so a number alone proves nothing; together with the moment of its start it
// does. Everything that signals a process from a file asks here first.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface KnownProcess {
  readonly pid: number;
  readonly startedAt: string;
}

/** Undefined when there is no such process, or only its exit code is left of it. */
export function identify(pid: number): KnownProcess | undefined {
  const startedAt = process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export function isSame(known: KnownProcess): boolean {
  return identify(known.pid)?.startedAt === known.startedAt;
}

export function isKnownProcess(value: unknown): value is KnownProcess {
  if (typeof value !== "object" || value === null) return false;
  const isPid = "pid" in value && Number.isSafeInteger(value.pid) && Number(value.pid) > 1;
  return isPid && "startedAt" in value && typeof value.startedAt === "string";
}

function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name stands in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    const ticksSinceBoot = fields[19];
    if (state === "Z" || state === "X" || ticksSinceBoot === undefined) return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${ticksSinceBoot}`;
  } catch {
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const said = execFileSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      env: { LC_ALL: "C", PATH: "/bin:/usr/bin" },
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    return said === "" || said.startsWith("Z") ? undefined : said.replace(/^\S+\s+/, "");
  } catch {
    return undefined;
  }
}
