// Runs once around a vitest run, before its workers exist: they inherit TOLLGATE_TEST_POSTGRES from here. If the variable
// is set already, that server is used and left alone. Else one is started in a temporary directory, without durability,
// and is gone with its data at the end of the run.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@tollgate/local/postgres";
import type { LocalPostgres } from "@tollgate/local/postgres";
import { announcePostgres, testEnvironment } from "./environment.ts";

let own: { postgres: LocalPostgres; dataDir: string } | undefined;

export async function setup(): Promise<void> {
  if (testEnvironment().postgresUrl !== undefined) return;
  const dataDir = await mkdtemp(join(tmpdir(), "tollgate-test-postgres-"));
  // The server of a root runs as another user, who has to get in.
  await chmod(dataDir, 0o711);
  const lines: string[] = [];
  try {
    const postgres = await startPostgres({ dataDir, onLog: (line) => lines.push(line), durable: false });
    own = { postgres, dataDir };
    announcePostgres(postgres.url("postgres"));
  } catch (cause) {
    await rm(dataDir, { recursive: true, force: true });
    throw new Error(`The tests' PostgreSQL did not start.\n${lines.join("\n")}`, { cause });
  }
}

export async function teardown(): Promise<void> {
  if (own === undefined) return;
  announcePostgres(undefined);
  await own.postgres.stop();
  await rm(own.dataDir, { recursive: true, force: true });
  own = undefined;
}
