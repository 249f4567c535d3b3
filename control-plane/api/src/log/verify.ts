// Proof that the log is what was written: the whole chain is hashed again, here and not in the database, against the stored
// hashes and the head. It answers with the first position that is wrong and why. It cannot see a forgery that recomputes
// every later hash and the head: that takes a signed checkpoint outside of the database. Where a commit ends is in each
// record, and so a commit that was split, joined or moved is seen.

import { createHash } from "node:crypto";
import type { LoggedEvent } from "@tollgate/schema/events";
import type { Database, Sql } from "../database.ts";
import { head, readRows, type EventRow } from "./read.ts";
import { fromRecord } from "./record.ts";

export type WrongReason =
  /** The hash does not follow from the one before, the position and the record. */
  | "hash"
  /** The position that should be here is missing. */
  | "hole"
  /** Stream, version or type are not those of the record, or it cannot be read. */
  | "columns"
  /** The commit does not end where its events say. */
  | "commit"
  /** The head is not the end of the chain. */
  | "head";

export type Verified =
  | { outcome: "intact"; position: bigint; hash: Uint8Array }
  | { outcome: "wrong"; position: bigint; reason: WrongReason };

const pageRows = 1_000;

/** Up to the head at the time of the call; appends go on meanwhile. */
export async function verify(database: Database): Promise<Verified> {
  const { end, last } = await endOfLog(database);
  let chain: Chain = { position: 0n, hash: Buffer.alloc(32), openCommit: undefined };
  while (chain.position < end.position) {
    const rows = await readRows(database.sql, chain.position, pageRows);
    if (rows.length === 0) return { outcome: "wrong", position: chain.position + 1n, reason: "hole" };
    for (const row of rows) {
      if (chain.position === end.position) break;
      const reason = wrongWith(row, chain);
      if (reason !== undefined) return { outcome: "wrong", position: chain.position + 1n, reason };
      const openCommit = row.position === row.commit ? undefined : row.commit;
      chain = { position: row.position, hash: row.hash, openCommit };
    }
  }
  if (chain.openCommit !== undefined) return { outcome: "wrong", position: chain.position, reason: "commit" };
  if (!same(chain.hash, end.hash)) return { outcome: "wrong", position: chain.position, reason: "head" };
  if (last > end.position) return { outcome: "wrong", position: end.position + 1n, reason: "head" };
  return { outcome: "intact", position: chain.position, hash: chain.hash };
}

type Chain = { position: bigint; hash: Uint8Array; openCommit: bigint | undefined };

function wrongWith(row: EventRow, chain: Chain): WrongReason | undefined {
  if (row.position !== chain.position + 1n) return "hole";
  const position = Buffer.alloc(8);
  position.writeBigInt64BE(row.position);
  const hash = createHash("sha256").update(chain.hash).update(position).update(row.record).digest();
  if (!same(hash, row.hash)) return "hash";
  const logged = readable(row.record);
  if (logged?.stream !== row.stream || logged.version !== row.version || logged.type !== row.type) return "columns";
  if (row.commit - row.position !== BigInt(logged.left)) return "commit";
  if (chain.openCommit !== undefined && row.commit !== chain.openCommit) return "commit";
  return undefined;
}

function readable(record: Uint8Array): LoggedEvent | undefined {
  try {
    return fromRecord(record);
  } catch {
    return undefined;
  }
}

/** One snapshot, so that an append in between does not look like an event beyond the head. */
function endOfLog(database: Database): Promise<{ end: { position: bigint; hash: Uint8Array }; last: bigint }> {
  return database.transaction(
    async (sql: Sql) => {
      const end = await head(sql);
      const [row] = await sql.query<{ last: bigint }>("SELECT coalesce(max(position), 0) AS last FROM log.event");
      return { end, last: row?.last ?? 0n };
    },
    { isolation: "repeatable read" },
  );
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
