// A proxy from the inside, as whoever has its machine could see it: what it keeps for itself alone on its disk, by which one
// can speak to other proxies in its name and reach its workers, and which processes those are.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { InternalIdentity } from "@tollgate/proxy/internal/identity";
import type { Member } from "./stack.ts";

export function identityOf({ dataDir }: Pick<Member, "dataDir">): InternalIdentity {
  const [key, cert] = ["proxy.key", "proxy.crt"].map((name) => readFileSync(join(dataDir, "proxy", name), "utf8"));
  const [ca] = cert?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\s*$/) ?? [];
  if (key === undefined || cert === undefined || ca === undefined) throw new Error(`no certificate is in ${dataDir}`);
  return { key, cert, ca };
}

/** Of its workers' sockets; all that are there, of which there should be one while it runs. */
export function runtimeDirectoriesOf({ dataDir }: Pick<Member, "dataDir">): string[] {
  const own = join(dataDir, "proxy");
  return readdirSync(own)
    .filter((name) => name.startsWith("run-"))
    .map((name) => join(own, name));
}

/** The process ids of its workers; who watches the servers is none. */
export function workersOf({ pid }: Pick<Member, "pid">): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => parentOf(child) === pid && !argumentsOf(child).includes("--watcher"));
}

function argumentsOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[1]);
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
