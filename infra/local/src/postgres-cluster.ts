// Makes what a server needs before it can serve: the password file, the cluster (by initdb), and the database. Each of
// them appears whole or not at all, whenever the power goes: a cluster is made beside its place and renamed into it.
// Nothing here listens or stays running; existing data is never overwritten.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { launchAs } from "./postgres-account.ts";
import type { Launch, ServerAccount } from "./postgres-account.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import { describeFailure, memoryStillHeld } from "./postgres-failure.ts";

export const superuser = "tollgate";
export const productDatabase = "tollgate";

const memoryHeldMsMax = 10_000;
const retryMs = 50;

export interface Cluster {
  readonly dataDir: string;
  readonly dir: string;
  readonly binaries: PostgresBinaries;
  readonly account: ServerAccount | undefined;
  readonly isDurable: boolean;
  readonly onLog: (line: string) => void;
  /** Complete: nothing of the launcher's environment (PGPORT, PGOPTIONS, a locale) may leak into the server. */
  readonly env: Readonly<Record<string, string>>;
}

export function launchOn(
  cluster: Cluster,
  program: string,
  args: readonly string[],
  dir = cluster.dir,
): Promise<Launch> {
  return launchAs(cluster.account, program, args, [cluster.binaries.root, dir]);
}

export async function ensurePassword({ dataDir, dir, account }: Cluster): Promise<string> {
  const path = join(dataDir, "postgres.password");
  const found = await readFile(path, "utf8").catch(() => undefined);
  if (found !== undefined) return found.trim();
  if (await hasFiles(dir)) throw new Error(`${path} is missing, and without it the data in ${dir} cannot be opened.`);
  const password = randomBytes(24).toString("hex");
  try {
    await writeFile(`${path}.new`, `${password}\n`, { mode: 0o600 });
    // initdb reads it as the server's account, to whom the cluster belongs anyway.
    if (account !== undefined) await chown(`${path}.new`, account.uid, account.gid);
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new Error(describeFailure(String(cause), { dir: dataDir }), { cause });
  }
  return password;
}

/** True when the cluster was made just now. */
export async function ensureCluster(cluster: Cluster): Promise<boolean> {
  const { dataDir, dir, account, isDurable } = cluster;
  if (await hasFiles(dir)) {
    if (await readFile(join(dir, "PG_VERSION")).catch(() => undefined)) return false;
    throw new Error(`${dir} holds something that is not a PostgreSQL data directory.`);
  }
  const unfinished = `${dir}.new`;
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
    if (account !== undefined) await chown(unfinished, account.uid, account.gid);
  } catch (cause) {
    throw new Error(describeFailure(String(cause), { dir: dataDir }), { cause });
  }
  // The built-in locale sorts and folds alike on every machine; an index made under one libc is no riddle to another.
  const args = [
    `--pgdata=${unfinished}`,
    `--username=${superuser}`,
    `--pwfile=${join(dataDir, "postgres.password")}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--set=timezone=UTC",
    "--set=log_timezone=UTC",
    "--no-instructions",
    ...(isDurable ? [] : ["--no-sync"]),
  ];
  const { code, said } = await runToEnd(cluster, await launchOn(cluster, cluster.binaries.initdb, args, unfinished));
  if (code !== 0) throw new Error(describeFailure(said, { dir }));
  await rename(unfinished, dir);
  if (isDurable) await syncDirectory(dataDir);
  return true;
}

/**
 * A single-user server (25 ms) makes the database, so that no client library is needed here. After a crash it is also
 * the one that recovers, and the one that has to wait for the children of a killed server.
 */
export async function ensureDatabase(cluster: Cluster): Promise<void> {
  const args = [
    "--single",
    "-D",
    cluster.dir,
    "-c",
    "log_checkpoints=off",
    ...(cluster.isDurable ? [] : ["-F"]),
    "postgres",
  ];
  const launch = await launchOn(cluster, cluster.binaries.postgres, args);
  const deadline = performance.now() + memoryHeldMsMax;
  for (;;) {
    const { code, said } = await runToEnd(cluster, launch, `CREATE DATABASE ${productDatabase};\n`);
    const isThere = !said.includes("ERROR: ") || said.includes(`database "${productDatabase}" already exists`);
    if (code === 0 && isThere) return;
    if (!memoryStillHeld.test(said) || performance.now() > deadline) {
      throw new Error(describeFailure(said, { dir: cluster.dir }));
    }
    await delay(retryMs);
  }
}

async function runToEnd(cluster: Cluster, launch: Launch, input = ""): Promise<{ code: number | null; said: string }> {
  const { command, args, ...user } = launch;
  const child = spawn(command, args, { ...user, env: cluster.env, cwd: "/", detached: true });
  // A program that ends before it read its input is judged by its exit code, not by the broken pipe.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  child.stdout.resume();
  const saying = text(child.stderr);
  try {
    await once(child, "close");
  } catch (cause) {
    throw new Error(describeFailure(String(cause), { dir: cluster.dir }), { cause });
  }
  const said = await saying;
  const expected = `"${productDatabase}" already exists|STATEMENT:  CREATE DATABASE ${productDatabase};|^\\s*$`;
  for (const line of said.split("\n")) if (!new RegExp(expected).test(line)) cluster.onLog(line);
  return { code: child.exitCode, said };
}

async function hasFiles(dir: string): Promise<boolean> {
  const names = await readdir(dir).catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    throw new Error(describeFailure(String(cause), { dir }), { cause });
  });
  return names.length > 0;
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
