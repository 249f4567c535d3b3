// A database of its own for each spec file, on the one server that the whole run shares (global-setup.ts). Spec files run
// in parallel and see nothing of each other. What is stored does not survive a crash of the machine: the server is not
// durable. Tests that kill a server start their own with `startPostgres`.
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { testEnvironment } from "./environment.ts";

export interface TestDatabase {
  readonly url: string;
  /** Ends whatever sessions are left. */
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const nameHintCharsMax = 40;

/** The hint becomes part of the name, so that a leftover or a stuck session says where it came from. */
export async function createDatabase(nameHint: string): Promise<TestDatabase> {
  const admin = testEnvironment().postgresUrl;
  if (admin === undefined)
    throw new Error("TOLLGATE_TEST_POSTGRES is not set; run through vitest, or start a server first");
  const hint = nameHint.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");
  const name = `t_${hint.slice(0, nameHintCharsMax)}_${randomBytes(5).toString("hex")}`;
  // template0: nobody can be connected to it, which would make the copy fail.
  await execute(admin, `CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  const drop = (): Promise<void> => execute(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  return { url: url.href, drop, [Symbol.asyncDispose]: drop };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
