// Builds a projection anew beside itself, from the first event, while the old tables are read and kept up to date; then
// puts the new ones in their place in one transaction. Readers see the old rows or the new ones, never none. A rebuild
// that fails leaves the old tables as they were; what it had made is dropped by the next one.
//
// The swap takes the old checkpoint table exclusively, which waits for the runners and for those who read with `readAt`,
// and lets the next of them find the new table under the same name. It waits only briefly at a time, because whoever comes
// after it in the queue waits too. Dropping the old tables comes after, since it waits for every reader that is left.

import type { Database } from "../database.ts";
import { advance, createTables } from "./advance.ts";
import { schemaOf, type Projection } from "./projection.ts";

const batchEvents = 2_000;
const swapLockMsMax = 2_000;
const swapAttemptsMax = 30;

export async function rebuildProjection(database: Database, projection: Projection): Promise<void> {
  const schema = schemaOf(projection);
  const fresh = `${schema}_rebuild`;
  const old = `${schema}_old`;
  await database.exclusive(`rebuild/${schema}`, async () => {
    await database.sql.query(`DROP SCHEMA IF EXISTS ${fresh} CASCADE`);
    await database.sql.query(`DROP SCHEMA IF EXISTS ${old} CASCADE`);
    await createTables(database, projection, fresh);
    for (;;) {
      const { events } = await database.transaction((sql) => advance(sql, projection, fresh, batchEvents));
      if (events < batchEvents) break;
    }
    await swap(database, projection, { schema, fresh, old });
    await database.sql.query(`DROP SCHEMA ${old} CASCADE`);
  });
}

type Names = { schema: string; fresh: string; old: string };

async function swap(database: Database, projection: Projection, { schema, fresh, old }: Names): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    try {
      await database.transaction(async (sql) => {
        await sql.query(`SET LOCAL lock_timeout = ${swapLockMsMax}`);
        await sql.query(`LOCK TABLE ${schema}.checkpoint IN ACCESS EXCLUSIVE MODE`);
        // What came since, so that no reader sees the position go back: the old tables cannot move on any more.
        while ((await advance(sql, projection, fresh, batchEvents)).events >= batchEvents);
        await sql.query(`ALTER SCHEMA ${schema} RENAME TO ${old}`);
        await sql.query(`ALTER SCHEMA ${fresh} RENAME TO ${schema}`);
      });
      return;
    } catch (error) {
      if (!isLockTimeout(error) || attempts === swapAttemptsMax) throw error;
    }
  }
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}
