// A load generator: so many connections, each with one call under way, without a pause or in steps, answers checked. It runs in the
// benchmark's own process, away from the subject, whose CPU is read from the operating system over the same span. A run
// in which anything failed is void, and says so instead of giving a figure.
import { readFileSync } from "node:fs";
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
  /** Of a connection: a call begins so long after the one before it began, or at once where that took longer. */
  readonly everyMs?: number;
  /** What each answer must contain. */
  readonly expect: string;
}

export interface Stretch {
  readonly seconds: number;
  /** Milliseconds, of each call. */
  readonly latencies: readonly number[];
}

export interface Load extends AsyncDisposable {
  /** No call begins later than that, and not more than `calls` do; ends with the last of them. Its connections stay. */
  run(secondsMax: number, calls?: number): Promise<Stretch>;
}

export function openLoad(options: LoadOptions): Load {
  const { origin, path, body, connections, everyMs = 0 } = options;
  const pool = new Pool(origin, { connections, pipelining: 1 });

  async function call(headers: Readonly<Record<string, string>>): Promise<void> {
    const answer = await pool.request({ method: "POST", path, headers, body });
    const text = await answer.body.text();
    if (answer.statusCode !== 200 || !text.includes(options.expect))
      throw new Error(`void run: answer ${answer.statusCode} ${text.slice(0, 300)}`);
  }

  return {
    async run(secondsMax, calls = Infinity) {
      const latencies: number[] = [];
      let left = calls;
      const start = performance.now();
      const endMs = start + secondsMax * 1_000;
      const caller = async (_: unknown, index: number): Promise<void> => {
        const headers = options.headers[index % options.headers.length] ?? {};
        // Connections begin at different times of a step.
        let nextMs = start + (everyMs * index) / connections;
        while (left-- > 0) {
          if (nextMs >= endMs) return;
          if (everyMs > 0) await delay(Math.max(0, nextMs - performance.now()));
          const before = performance.now();
          if (before >= endMs) return;
          nextMs = Math.max(nextMs + everyMs, before);
          await call(headers);
          latencies.push(performance.now() - before);
        }
      };
      await Promise.all(Array.from({ length: connections }, caller));
      return { seconds: (performance.now() - start) / 1_000, latencies };
    },
    [Symbol.asyncDispose]: () => pool.close(),
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

export interface Cpu {
  /** Seconds on a processor so far, to the nanosecond. Read at once, because it is read between calls. */
  seconds(): number;
}

/** Of a process and all its descendants, and of the threads that they have now. Linux only, like the figures that quote it. */
export async function cpuOf(pid: number): Promise<Cpu> {
  const stats = (await Promise.all((await processTree(pid)).map(threadsOf))).flat();
  /** Of a thread that is gone what it had used when it was read last. */
  const nanoseconds = new Map<string, number>();
  return {
    seconds() {
      for (const stat of stats) {
        const used = nanosecondsIn(stat);
        if (used !== undefined) nanoseconds.set(stat, used);
      }
      // Where the system does not say what its threads use.
      if (nanoseconds.size === 0) throw new Error(`nobody says what the process ${pid} uses`);
      return [...nanoseconds.values()].reduce((sum, one) => sum + one, 0) / 1e9;
    },
  };
}

async function threadsOf(pid: number): Promise<string[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  return threads.map((thread) => `/proc/${pid}/task/${thread}/schedstat`);
}

function nanosecondsIn(stat: string): number | undefined {
  try {
    return Number(readFileSync(stat, "utf8").split(" ")[0]);
  } catch {
    return undefined;
  }
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
