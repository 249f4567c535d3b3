// The embedded PostgreSQL over the ends that befall a laptop: Ctrl-C, kill -9 of the launcher, kill -9 of the server, a
// process id that was given to somebody else. Whatever a commit acknowledged before must be there after the next start,
// and nobody should ever have to delete a file by hand.
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@tollgate/local/postgres";
import type { LocalPostgres, PostgresOptions } from "@tollgate/local/postgres";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { freePort } from "./ports.ts";
import { startProcess } from "./processes.ts";
import type { RunningProcess } from "./processes.ts";

// The tests share a cluster, because making one (0.4 s) is most of what a start costs; each can also make it itself.
let root: string;
let dataDir: string;
let server: LocalPostgres | undefined;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tollgate-spec-postgres-"));
  await chmod(root, 0o711);
  dataDir = join(root, "shared");
});

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function start(options: Partial<PostgresOptions> = {}): Promise<LocalPostgres> {
  server = await startPostgres({ dataDir, onLog: () => {}, durable: false, ...options });
  return server;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const write = "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n";
const read = "SELECT count(*)::int AS kept FROM kept";

/** A launcher in a process of its own, as `npm start` is. */
async function launchElsewhere(): Promise<{ launcher: RunningProcess; url: string; pid: number }> {
  const launcher = await startProcess({
    name: "the launcher",
    args: [
      "-e",
      `import(${JSON.stringify(import.meta.resolve("@tollgate/local/postgres"))}).then(async ({ startPostgres }) => {
        const server = await startPostgres({ dataDir: ${JSON.stringify(dataDir)}, onLog: () => {}, durable: false });
        console.log("serving", server.pid, server.url("tollgate"));
      })`,
    ],
  });
  const [, pid, url = ""] = await launcher.waitForLine(/^serving (\d+) (.*)$/);
  return { launcher, url, pid: Number(pid) };
}

test("a fresh directory becomes a durable cluster with an empty database, once", async () => {
  const fresh = { dataDir: join(root, "fresh") };
  const first = await start({ ...fresh, durable: true });
  expect(first.wasCreated).toBe(true);
  expect(
    await query(
      first.url("tollgate"),
      "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'max_connections') ORDER BY name",
    ),
  ).toEqual([
    { name: "fsync", setting: "on" },
    { name: "max_connections", setting: "200" },
  ]);
  await query(first.url("tollgate"), write);
  await first.stop();
  expect(await first.exited).toEqual({ code: 0, signal: null });

  const second = await start(fresh);
  expect(second.wasCreated).toBe(false);
  expect(await query(second.url("tollgate"), read)).toEqual([{ kept: 1000 }]);
});

test("only this machine can connect, and only with the password", async () => {
  const first = await start();
  const rows = await query(first.url("postgres"), "SHOW listen_addresses");
  expect(rows).toEqual([{ listen_addresses: "127.0.0.1" }]);
  await expect(query(`postgres://tollgate:guess@127.0.0.1:${first.port}/tollgate`, "SELECT 1")).rejects.toThrow(
    "password authentication failed",
  );
  expect(
    await query(
      first.url("postgres"),
      "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' AS scram FROM pg_authid WHERE rolcanlogin",
    ),
  ).toEqual([{ scram: true }]);
  expect((await stat(join(dataDir, "postgres.password"))).mode & 0o777).toBe(0o600);
});

test("a dropped database is made again", async () => {
  const first = await start();
  await query(first.url("postgres"), "DROP DATABASE tollgate");
  await first.stop();
  const second = await start();
  expect(await query(second.url("tollgate"), "SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

test("after kill -9 of the server, what was committed is there, on the same port", async () => {
  const port = await freePort();
  // Durable, because without it PostgreSQL acknowledges commits that only its own memory holds.
  const first = await start({ port, durable: true });
  await query(first.url("tollgate"), write);
  // A session that is open while the server dies: its process holds the shared memory until it has noticed.
  const client = new Client({ connectionString: first.url("tollgate") });
  const lost = new Promise((resolve) => client.on("error", resolve));
  await client.connect();
  await first.kill();
  expect(await first.exited).toEqual({ code: null, signal: "SIGKILL" });
  const second = await start({ port });
  await lost;
  expect(second.port).toBe(port);
  expect(await query(second.url("tollgate"), read)).toEqual([{ kept: 1000 }]);
});

test("after kill -9 of the launcher, its orphan is stopped and the data served anew", async () => {
  const { launcher, url, pid } = await launchElsewhere();
  await using _ = launcher;
  await query(url, write);
  launcher.kill("SIGKILL");
  await launcher.waitForExit();
  // Still serving: were it gone already, this test would prove nothing.
  await query(url, "SELECT 1");
  const lines: string[] = [];
  const second = await start({ onLog: (line) => lines.push(line) });
  expect(lines).toContain(`stopping the server of a launcher that is gone (process ${pid})`);
  expect(second.wasCreated).toBe(false);
  expect(await query(second.url("tollgate"), read)).toEqual([{ kept: 1000 }]);
});

test("the server of a living launcher is left alone, and the second start is refused", async () => {
  const { launcher, url } = await launchElsewhere();
  try {
    await expect(start()).rejects.toThrow(`is in use by another Tollgate (process ${launcher.pid}).`);
    expect(await query(url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  } finally {
    launcher.kill("SIGKILL");
    await launcher.waitForExit();
    await start();
  }
});

test("a stale pid file whose number went to another process does not block the start", async () => {
  const first = await start();
  const pidFile = await readFile(join(dataDir, "postgres", "postmaster.pid"), "utf8");
  await first.kill();
  // Of the server's own user: PostgreSQL takes no notice of processes that it could not signal.
  const { uid, gid } = await stat(join(dataDir, "postgres"));
  const user = process.getuid?.() === 0 ? { user: { uid, gid } } : {};
  await using stranger = await startProcess({
    name: "a stranger",
    command: "tail",
    args: ["-f", "/dev/null"],
    cwd: "/",
    ...user,
  });
  await writeFile(join(dataDir, "postgres", "postmaster.pid"), pidFile.replace(/^\d+/, String(stranger.pid)));
  const second = await start();
  expect(await query(second.url("tollgate"), "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  stranger.kill();
  expect((await stranger.waitForExit()).signal).toBe("SIGTERM");
});

test("what an interrupted first start left is thrown away", async () => {
  const interrupted = join(root, "interrupted");
  await mkdir(join(interrupted, "postgres.new"), { recursive: true });
  await writeFile(join(interrupted, "postgres.new", "PG_VERSION"), "18\n");
  expect((await start({ dataDir: interrupted })).wasCreated).toBe(true);
});

test("a directory that other users cannot enter is no obstacle, even to root", async () => {
  const closed = join(root, "closed");
  await mkdir(closed, { mode: 0o700 });
  const first = await start({ dataDir: closed });
  await first.kill();
  expect((await start({ dataDir: closed })).wasCreated).toBe(false);
});

test("what stands in the way is said in a sentence", async () => {
  await (await start()).stop();
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const address = squatter.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await expect(start({ port })).rejects.toThrow(`Port ${port} on 127.0.0.1 is in use by another program.`);
  squatter.close();

  const below = join(dataDir, "postgres.password", "x");
  await expect(start({ dataDir: below })).rejects.toThrow(`${below} cannot be made: something else is in its place.`);

  // From here on the shared cluster is damaged, so this test is the last.
  const dir = join(dataDir, "postgres");
  await writeFile(join(dir, "PG_VERSION"), "17\n");
  await expect(start()).rejects.toThrow(/postgres holds data of PostgreSQL 17, which PostgreSQL 18\S* cannot read\.$/);
  await rm(join(dir, "PG_VERSION"));
  await expect(start()).rejects.toThrow(`${dir} holds something that is not a PostgreSQL data directory.`);
  await rm(join(dataDir, "postgres.password"));
  await expect(start()).rejects.toThrow("postgres.password is missing");
});
