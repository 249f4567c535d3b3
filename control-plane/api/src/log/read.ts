// Reading the log. Positions have no holes and become visible in their order, so whoever follows `position > last` misses
// nothing. A page may end inside a commit: `commit` on each entry says where its transaction ends, and who must not show
// half of one reads on until `position === commit`. An empty page, and only an empty one, means that there is no more yet.

import type { LoggedEvent } from "@tollgate/schema/events";
import type { Sql } from "../database.ts";
import { fromRecord } from "./record.ts";

export type LogEntry = {
  position: bigint;
  /** The last position of the transaction that wrote it. */
  commit: bigint;
  logged: LoggedEvent;
  /** The log's hash before it and at it. */
  previous: Uint8Array;
  hash: Uint8Array;
};

/** A position, and what the log's hash is there: together they say that two mean the same log. */
export type Place = { position: bigint; hash: Uint8Array };

export type LogIdentity = { id: string; incarnation: number };

export type Head = { log: LogIdentity; position: bigint; hash: Uint8Array };

/** A row as it is stored; `verify` needs more of it than a reader does. */
export type EventRow = {
  position: bigint;
  commit: bigint;
  stream: string;
  version: number;
  type: string;
  record: Uint8Array;
  previous: Uint8Array;
  hash: Uint8Array;
};

/** Before the first event. */
export const emptyHash: Uint8Array = Buffer.alloc(32);

/** Events may be half a MiB each; a page holds no more than this and one event. */
const pageBytesMax = 8 * 1024 * 1024;

export async function readRows(sql: Sql, after: bigint, limit: number): Promise<EventRow[]> {
  return sql.query<EventRow>(
    `SELECT position, commit, stream, version, type, record, hash,
       coalesce(lag(hash) OVER (ORDER BY position), (SELECT hash FROM log.event WHERE position = $1), $4) AS previous FROM (
       SELECT *, sum(octet_length(record)) OVER (ORDER BY position) - octet_length(record) AS bytes_before
       FROM (SELECT * FROM log.event WHERE position > $1 ORDER BY position LIMIT $2) AS page
     ) AS measured WHERE bytes_before < $3 ORDER BY position`,
    [after, limit, pageBytesMax, emptyHash],
  );
}

export async function readLog(sql: Sql, after: bigint, limit: number): Promise<LogEntry[]> {
  const rows = await readRows(sql, after, limit);
  return rows.map(({ record, position, commit, previous, hash }) => {
    return { position, commit, logged: fromRecord(record), previous, hash };
  });
}

/** Undefined for a position that this log does not have. */
export async function hashAt(sql: Sql, position: bigint): Promise<Uint8Array | undefined> {
  if (position === 0n) return emptyHash;
  const [row] = await sql.query<{ hash: Uint8Array }>("SELECT hash FROM log.event WHERE position = $1", [position]);
  return row?.hash;
}

export async function head(sql: Sql): Promise<Head> {
  const [row] = await sql.query<LogIdentity & Omit<Head, "log">>(
    "SELECT id::text, incarnation, position, hash FROM log.head",
  );
  if (!row) throw new Error("the log has no head");
  return { log: { id: row.id, incarnation: row.incarnation }, position: row.position, hash: row.hash };
}

/** Whole streams, each from its first event; a stream without events is an empty list. */
export async function readStreams(sql: Sql, streams: readonly string[]): Promise<Map<string, LoggedEvent[]>> {
  const found = new Map<string, LoggedEvent[]>(streams.map((stream) => [stream, []]));
  const rows = await sql.query<{ record: Uint8Array }>(
    "SELECT record FROM log.event WHERE stream = ANY ($1::text[]) ORDER BY stream, version",
    [[...found.keys()]],
  );
  for (const { record } of rows) {
    const logged = fromRecord(record);
    const events = found.get(logged.stream);
    if (logged.version !== (events?.length ?? -1) + 1)
      throw new Error(`${logged.stream} has no version ${logged.version - 1} before ${logged.version}`);
    events?.push(logged);
  }
  return found;
}
