// The append: one SQL statement that must be the last of its transaction, because from it until the commit every other
// writer waits. Positions are given out under the head's lock, so they have no holes and come in the order of commits; a
// stream's version is what its writer read plus one, so a writer that read too little fails on `UNIQUE (stream, version)`.
// An answer that is to be kept is a part of the same statement.

import type { LoggedEvent } from "@tollgate/schema/events";
import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import type { Sql } from "../database.ts";
import { keeping, type KeptAnswer } from "./kept-answer.ts";
import { toRecord } from "./record.ts";

/** The channel of the hint that something was appended; its payload is the new head's position. */
export const logChannel = "tollgate_log";

/** Answers the position of the last event, which is the commit of all of them. */
export async function append(sql: Sql, events: readonly LoggedEvent[], answer?: KeptAnswer): Promise<bigint> {
  if (events.length === 0) throw new Error("an append of nothing");
  if (events.length > limits.commitEventsMax)
    throw new TollgateError("log.too-large", `${events.length} of ${limits.commitEventsMax} events in one commit.`);
  const values = [
    events.map((event) => event.stream),
    events.map((event) => event.version),
    events.map((event) => event.type),
    events.map((event, index) => toRecord(event, events.length - 1 - index)),
  ];
  const appending = "SELECT log.append($1::text[], $2::integer[], $3::text[], $4::bytea[]) AS position";
  const kept = answer && keeping(answer, values.length);
  const [row] = kept
    ? await sql.query<{ position: bigint }>(`WITH done AS (${appending})${kept.text} SELECT position FROM done`, [
        ...values,
        ...kept.values,
      ])
    : await sql.query<{ position: bigint }>(appending, values);
  if (!row) throw new Error("the append answered nothing");
  return row.position;
}

/** Another writer was first, or two waited for each other: nothing was written, and deciding again may succeed. */
export function isWriteConflict(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  if (error.code === "23505") return "constraint" in error && error.constraint === "event_stream_version";
  // Serialization failure, deadlock.
  return error.code === "40001" || error.code === "40P01";
}
