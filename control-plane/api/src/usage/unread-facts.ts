// Facts that a former version kept unread, because their kind came later than it: they become the rows that they are as soon as
// somebody knows their kind. While versions stand side by side the former goes on keeping some, so it is looked again and
// again. Each is moved whole, in one transaction, by whichever process comes first; what nobody knows stays where it is.

import { fromBinary } from "@bufbuild/protobuf";
import { FactSchema, type Fact } from "@tollgate/schema/usage";
import type { Database, Sql } from "../database.ts";
import { insertSpans } from "./usage-rows.ts";

const everyMs = 10 * 60_000;
const rowsPerTurnMax = 500;

type Parts = { readonly database: Pick<Database, "transaction">; readonly onProblem: (error: unknown) => void };

export function startReadingUnread({ database, onProblem }: Parts): () => void {
  const read = (): void => void readUnread(database).catch(onProblem);
  read();
  const timer = setInterval(read, everyMs).unref();
  return () => clearInterval(timer);
}

/** How many facts it read. */
export async function readUnread(database: Pick<Database, "transaction">): Promise<number> {
  let facts = 0;
  let after: Place | undefined = { proxyId: "", epoch: 0n, seq: 0n };
  while (after !== undefined) {
    const from: Place = after;
    const turn = await database.transaction((sql) => readFrom(sql, from));
    facts += turn.facts;
    after = turn.next;
  }
  return facts;
}

type Place = { readonly proxyId: string; readonly epoch: bigint; readonly seq: bigint };
type Row = Place & { readonly fact: Uint8Array; readonly link: Uint8Array | null };

async function readFrom(sql: Sql, { proxyId, epoch, seq }: Place): Promise<{ facts: number; next: Place | undefined }> {
  const rows = await sql.query<Row>(
    `SELECT proxy_id AS "proxyId", epoch, seq, fact, link FROM usage.unread
     WHERE (proxy_id, epoch, seq) > ($1, $2::bigint, $3::bigint)
     ORDER BY proxy_id, epoch, seq LIMIT $4 FOR UPDATE SKIP LOCKED`,
    [proxyId, epoch, seq, rowsPerTurnMax],
  );
  const known = rows
    .map((row) => ({ row, fact: fromBinary(FactSchema, row.fact) }))
    .filter(({ fact }) => fact.kind.case !== undefined);
  for (const { row, fact } of known) await move(sql, row, fact);
  return { facts: known.length, next: rows.length < rowsPerTurnMax ? undefined : rows.at(-1) };
}

async function move(sql: Sql, { proxyId, epoch, seq, link }: Row, fact: Fact): Promise<void> {
  const span = { first: seq, last: seq, fact, link: link ?? undefined };
  await insertSpans(sql, { proxyId, epoch }, [span]);
  await sql.query("DELETE FROM usage.unread WHERE proxy_id = $1 AND epoch = $2 AND seq = $3", [proxyId, epoch, seq]);
}
