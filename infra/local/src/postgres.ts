// Runs a real PostgreSQL in a data directory, for the embedded stack behind `npm start` and for tests. Whatever was
// killed before, launcher or server or both, the next start comes up on the same data: orphans are stopped, stale files
// are seen through, and a half-made cluster is never taken for a whole one. It listens on the loopback only and asks for
// a password (SCRAM) that lies beside the data in a file of mode 0600. It refuses to touch the server of a live launcher,
// does not restart a server that dies (`exited` tells), and knows nothing of what is stored.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { chooseAccount } from "./postgres-account.ts";
import { findPostgresBinaries } from "./postgres-binaries.ts";
import { ensureCluster, ensureDatabase, ensurePassword, launchOn, superuser } from "./postgres-cluster.ts";
import type { Cluster } from "./postgres-cluster.ts";
import { describeFailure, portTaken } from "./postgres-failure.ts";
import { launcherSetting, stopLeftover } from "./postgres-leftover.ts";

const connectionsMax = 200;
const readyMsMax = 120_000;
const stopFastMsMax = 6_000;
const stopImmediateMsMax = 2_000;
const portAttemptsMax = 5;

export interface PostgresOptions {
  /** Made if absent. The cluster is its folder `postgres`, the password its file `postgres.password`. */
  readonly dataDir: string;
  /** Every line that the server and its tools say. */
  readonly onLog: (line: string) => void;
  /** Absent: a free one, another at each start. */
  readonly port?: number;
  /**
   * False gives up durability for speed, for data that nobody will miss: nothing waits for the disk, and a server that
   * is killed takes the last commits that it acknowledged with it. Crash tests need true.
   */
  readonly durable?: boolean;
}

export interface PostgresExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LocalPostgres {
  readonly pid: number;
  readonly port: number;
  /** True when this start made the cluster, so that it holds nothing yet but an empty database `tollgate`. */
  readonly wasCreated: boolean;
  /** Resolves when the server is gone, whoever ended it. */
  readonly exited: Promise<PostgresExit>;
  url(database: string): string;
  /** Ends sessions and writes everything out; within 8 s the server is gone in any case. */
  stop(): Promise<void>;
  /** SIGKILL, for crash tests. The next start on the directory recovers. */
  kill(): Promise<void>;
}

export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const { cluster, password } = await prepare(options);
  const wasCreated = await ensureCluster(cluster);
  await ensureDatabase(cluster);
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const outcome = await serve(cluster, port);
    if ("child" in outcome) return handle(outcome.child, outcome.pid, port, password, wasCreated);
    const isBadLuck = options.port === undefined && portTaken.test(outcome.said) && attempt < portAttemptsMax;
    if (!isBadLuck) throw new Error(describeFailure(outcome.said, { dir: cluster.dir, port }));
  }
}

async function prepare(options: PostgresOptions): Promise<{ cluster: Cluster; password: string }> {
  const { onLog, durable: isDurable = true } = options;
  let dataDir: string;
  try {
    await mkdir(options.dataDir, { recursive: true });
    dataDir = await realpath(options.dataDir);
  } catch (cause) {
    throw new Error(describeFailure(String(cause), { dir: options.dataDir }), { cause });
  }
  const dir = join(dataDir, "postgres");
  const [binaries, account] = await Promise.all([findPostgresBinaries(), chooseAccount(dir)]);
  const stalePid = await stopLeftover(dir, onLog);
  const env = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C",
    TZ: "UTC",
    // PostgreSQL takes a pid file that names its grandparent for stale, and still checks that the old memory is unused.
    ...(stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(stalePid) }),
  };
  const cluster: Cluster = { dataDir, dir, binaries, account, isDurable, onLog, env };
  return { cluster, password: await ensurePassword(cluster) };
}

type Serving = { readonly child: ChildProcess; readonly pid: number } | { readonly said: string };

async function serve(cluster: Cluster, port: number): Promise<Serving> {
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    // No socket file: its path has a length limit that a data directory may exceed, and TCP is all that clients use.
    unix_socket_directories: "",
    max_connections: connectionsMax,
    log_checkpoints: "off",
    ...(cluster.isDurable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
    [launcherSetting]: process.pid,
  };
  const args = ["-D", cluster.dir, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const { command, args: launchArgs, ...user } = await launchOn(cluster, cluster.binaries.postgres, args);
  // Detached: Ctrl-C in a terminal signals the whole group, and the database has to outlive those who still write.
  const child = spawn(command, launchArgs, {
    ...user,
    env: cluster.env,
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  return new Promise((resolve) => {
    const said: string[] = [];
    let isSettled = false;
    const settle = (serving: Serving): void => {
      isSettled = true;
      clearTimeout(timer);
      resolve(serving);
    };
    const timer = setTimeout(() => {
      said.push(`error: not ready after ${readyMsMax} ms`);
      child.kill("SIGKILL");
    }, readyMsMax);
    createInterface({ input: child.stderr }).on("line", (line) => {
      cluster.onLog(line);
      if (isSettled) return;
      said.push(line);
      const isReady = line.includes("database system is ready to accept connections");
      if (isReady && child.pid !== undefined) settle({ child, pid: child.pid });
    });
    child.once("error", (cause) => settle({ said: String(cause) }));
    child.once("close", () => settle({ said: said.join("\n") }));
  });
}

function handle(child: ChildProcess, pid: number, port: number, password: string, wasCreated: boolean): LocalPostgres {
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const exited = (hasExited() ? Promise.resolve() : once(child, "exit")).then(() => ({
    code: child.exitCode,
    signal: child.signalCode,
  }));
  const end = async (signals: readonly (readonly [NodeJS.Signals, number])[]): Promise<void> => {
    for (const [signal, msMax] of signals) {
      if (hasExited()) return;
      child.kill(signal);
      const abandon = new AbortController();
      await Promise.race([exited, delay(msMax, undefined, { signal: abandon.signal }).catch(() => {})]);
      abandon.abort();
    }
    await exited;
  };
  return {
    pid,
    port,
    wasCreated,
    exited,
    url: (database) => `postgres://${superuser}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    stop: () =>
      end([
        ["SIGINT", stopFastMsMax],
        ["SIGQUIT", stopImmediateMsMax],
        ["SIGKILL", stopImmediateMsMax],
      ]),
    kill: () => end([["SIGKILL", stopImmediateMsMax]]),
  };
}
