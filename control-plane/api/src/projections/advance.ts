// One step of a projection: rows and checkpoint in one transaction, from the log, in order, whole commits only, so that
// nobody who reads the tables sees half of a commit. The checkpoint is a row of the projection's own schema; its lock lets
// any number of processes run the same projection, one at a time. It decides nothing about failures: it throws them.

import type { Database, Sql } from "../database.ts";
import { decodeEvent, typeNamed } from "@tollgate/kernel/catalogue";
import type { Message } from "@bufbuild/protobuf";
import { readLog, type LogEntry } from "../log/read.ts";
import { schemaOf, type Handler, type Projection } from "./projection.ts";

/** An event that the projection could not take. */
export class EventFailed extends Error {
  readonly position: bigint;

  constructor(position: bigint, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "EventFailed";
    this.position = position;
  }
}

export type Advanced = { position: bigint; events: number };

const pageRows = 500;

/** Makes the schema with its tables, unless it is there. */
export async function createTables(database: Database, projection: Projection, schema: string): Promise<void> {
  await database.exclusive(`projection/${schema}`, () =>
    database.transaction(async (sql) => {
      const [found] = await sql.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
      if (found) return;
      await sql.query(`CREATE SCHEMA ${schema}`);
      await sql.query(`SET LOCAL search_path TO ${schema}`);
      await sql.query(projection.tables);
      await sql.query(`CREATE TABLE ${schema}.checkpoint (
        singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        position bigint NOT NULL DEFAULT 0
      )`);
      await sql.query(`INSERT INTO ${schema}.checkpoint DEFAULT VALUES`);
    }),
  );
}

/** At least `events` more events, up to the end of the commit that the last of them belongs to; fewer where the log ends. */
export async function advance(sql: Sql, projection: Projection, schema: string, events: number): Promise<Advanced> {
  const start = await lockCheckpoint(sql, schema);
  await sql.query(`SET LOCAL search_path TO ${schema}`);
  const handlers = new Map<string, Handler<Message>>(Object.entries(projection.on));
  let position = start;
  let wanted = events;
  while (wanted > 0) {
    const page = await readLog(sql, position, Math.min(wanted, pageRows));
    for (const entry of page) {
      await project(sql, handlers, entry, position);
      position = entry.position;
    }
    const last = page.at(-1);
    if (!last) break;
    wanted = Math.max(events - Number(position - start), Number(last.commit - position));
  }
  if (position > start) await sql.query(`UPDATE ${schema}.checkpoint SET position = $1`, [position]);
  return { position, events: Number(position - start) };
}

async function lockCheckpoint(sql: Sql, schema: string): Promise<bigint> {
  const [row] = await sql.query<{ position: bigint }>(`SELECT position FROM ${schema}.checkpoint FOR UPDATE`);
  if (!row) throw new Error(`${schema} has no checkpoint`);
  return row.position;
}

async function project(
  sql: Sql,
  handlers: ReadonlyMap<string, Handler<Message>>,
  entry: LogEntry,
  after: bigint,
): Promise<void> {
  try {
    if (entry.position !== after + 1n) throw new Error(`position ${after + 1n} is missing from the log`);
    // A type that this software does not know may matter to this projection, so it is not passed over.
    const { desc } = typeNamed(entry.logged.type);
    const handler = handlers.get(desc.name);
    if (!handler) return;
    const statements = [handler(decodeEvent(entry.logged), entry)].flat();
    for (const { text, values } of statements) await sql.query(text, values);
  } catch (error) {
    throw new EventFailed(entry.position, error);
  }
}

/**
 * Reads a projection's tables as of one position: what `fn` queries and the position agree, and no rebuild swaps the tables
 * away meanwhile. The lock comes before anything that takes the transaction's snapshot: a snapshot older than a swap
 * would find the new tables without their rows.
 */
export function readAt<T>(
  database: Database,
  projection: Pick<Projection, "name" | "version">,
  fn: (sql: Sql, position: bigint) => Promise<T>,
): Promise<T> {
  const schema = schemaOf(projection);
  return database.transaction(
    async (sql) => {
      await sql.query(`LOCK TABLE ${schema}.checkpoint IN ACCESS SHARE MODE`);
      const [row] = await sql.query<{ position: bigint }>(`SELECT position FROM ${schema}.checkpoint`);
      if (!row) throw new Error(`${schema} has no checkpoint`);
      return fn(sql, row.position);
    },
    { isolation: "repeatable read" },
  );
}
