// A backup of a test's database, on the same server: a copy that later takes its place, with all that was written since gone. The
// control plane has to be down when it is taken; whoever is connected when it is put in place is thrown out.

import { Client } from "pg";
import { testEnvironment } from "./environment.ts";
import type { TestDatabase } from "./database.ts";

/** Answers how it is put in the database's place, once. */
export async function takeBackup({ url }: TestDatabase): Promise<() => Promise<void>> {
  const name = new URL(url).pathname.slice(1);
  const backup = `${name}_backup`;
  await onServer(`CREATE DATABASE ${backup} TEMPLATE ${name}`);
  return () => onServer(`DROP DATABASE ${name} WITH (FORCE)`, `ALTER DATABASE ${backup} RENAME TO ${name}`);
}

async function onServer(...statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: testEnvironment().postgresUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
