// The incarnation counts up when a log was restored from a backup: what was written after the backup is gone, and positions
// that others have applied will be written anew with other events. Nobody but an operator can know that it was meant, so it
// is raised by a setting and never by itself. Proxies take a new snapshot of a later incarnation, whatever its position.

import type { Sql } from "../database.ts";

/** Answers whether it was lower. */
export async function raiseIncarnation(sql: Sql, incarnation: number): Promise<boolean> {
  const raised = await sql.query("UPDATE log.head SET incarnation = $1 WHERE incarnation < $1 RETURNING incarnation", [
    incarnation,
  ]);
  return raised.length > 0;
}

/** Someone has seen more of this log than is in it. */
export class LogBehind extends Error {
  /** `seen` completes a sentence: "the topic holds position 7". `wanted` is the incarnation that heals it. */
  constructor(seen: string, here: string, wanted: number) {
    super(
      `${seen} of this log, and the database ${here}. It was restored from a backup or replaced by an older one: ` +
        `if that was meant, set TOLLGATE_INCARNATION=${wanted} and start again, so that proxies take its state anew.`,
    );
  }
}
