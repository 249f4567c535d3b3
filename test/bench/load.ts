// A load generator: so many connections, each with one call under way, without a pause or in steps, answers checked. It runs in the
// benchmark's own process, away from the subject, whose CPU is read from the operating system over the same span. A run
// in which anything failed is void, and says so instead of giving a figure.
import { readFile, readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "undici";

export interface LoadOptions {
  readonly origin: string;
  readonly path: string;
  /** Of the callers, one after the other: one for each, or the same for several. */
  readonly headers: readonly Readonly<Record<string, string>>[];
  readonly body: string | Buffer;
  readonly connections: number;
  readonly calls: number;
  /** Of a connection: a call begins so long after the one before it began, or at once where that took longer. */
  readonly everyMs?: number;
  /** No call begins later; absent: all are made, however long it takes. */
  readonly secondsMax?: number;
  /** What each answer must contain. */
  readonly expect: string;
}

export interface LoadResult {
  readonly calls: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const pool = new Pool(options.origin, { connections: options.connections, pipelining: 1 });
  const latencies: number[] = [];
  const { everyMs = 0 } = options;
  let left = options.calls;
  const endMs = performance.now() + (options.secondsMax ?? Infinity) * 1_000;
  const caller = async (_: unknown, index: number): Promise<void> => {
    const headers = options.headers[index % options.headers.length] ?? {};
    // Connections begin at different times of a step.
    let nextMs = performance.now() + (everyMs * index) / options.connections;
    while (left-- > 0) {
      if (everyMs > 0) await delay(Math.max(0, nextMs - performance.now()));
      const before = performance.now();
      if (before >= endMs) return;
      nextMs = Math.max(nextMs + everyMs, before);
      const { statusCode, body } = await pool.request({
        method: "POST",
        path: options.path,
        headers,
        body: options.body,
      });
      const answer = await body.text();
      if (statusCode !== 200 || !answer.includes(options.expect))
        throw new Error(`void run: answer ${statusCode} ${answer.slice(0, 300)}`);
      latencies.push(performance.now() - before);
    }
  };
  const start = performance.now();
  try {
    await Promise.all(Array.from({ length: options.connections }, caller));
  } finally {
    await pool.close();
  }
  latencies.sort((a, b) => a - b);
  return {
    calls: latencies.length,
    seconds: (performance.now() - start) / 1_000,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  };
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** Seconds on a processor of a process and all its descendants so far, to the nanosecond. Linux only, like the figures that quote it. */
export async function cpuSeconds(pid: number): Promise<number> {
  const members = await processTree(pid);
  const all = await Promise.all(members.map(nanosecondsOf));
  return all.reduce((sum, one) => sum + one, 0) / 1e9;
}

/** Of its threads: those of an engine last as long as it does. Throws where the system does not say. */
async function nanosecondsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => undefined)),
  );
  const known = stats.filter((stat) => stat !== undefined);
  if (threads.length > 0 && known.length === 0) throw new Error("this system does not say what its threads use");
  return known.reduce((sum, stat) => sum + Number(stat.split(" ")[0]), 0);
}

/** Resident bytes of a process, and of each of its descendants. */
export async function residentBytes(pid: number): Promise<{ root: number; children: number[] }> {
  const members = await processTree(pid);
  const children = await Promise.all(members.filter((member) => member !== pid).map(residentOf));
  return { root: await residentOf(pid), children };
}

async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}

async function processTree(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = await parentOf(Number(name));
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const isMember = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (at === root) return true;
    return false;
  };
  return [...parents.keys()].filter(isMember);
}

async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The command's name may hold spaces and brackets; what follows the last one is numbers.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields && Number(fields[1]);
}
