// The answer to a command that came with an idempotency key, kept beside the log for whoever sends it again. It is written
// by the very statement that appends, so there is no moment in which one is stored and the other is not; a second writer
// under the same claim fails on `answer_claim`, and with it everything else of its transaction. What a caller is told only
// once never comes here. Answers are looked up for as long as they are kept, and deleted some time after.

import { TollgateError } from "@tollgate/kernel/errors";
import type { Sql } from "../database.ts";

/** `id` stands for the caller and his key, `fingerprint` for what he asked for. */
export type Claim = { id: Uint8Array; fingerprint: Uint8Array; keptUntilMs: number };

/** A command's answer without its position, which the append gives. */
export type AnswerBody = { readonly [field: string]: unknown };

export type KeptAnswer = { claim: Claim; body: AnswerBody };

/** Completes a statement `WITH done AS (SELECT … AS position)`, whose parameters are `before` in number. */
export function keeping({ claim, body }: KeptAnswer, before: number): { text: string; values: unknown[] } {
  const [id, fingerprint, answer, keptUntil] = [1, 2, 3, 4].map((n) => `$${before + n}`);
  return {
    text: `, kept AS (
      INSERT INTO api.answer (claim, fingerprint, answer, kept_until, position)
      SELECT ${id}::bytea, ${fingerprint}::bytea, ${answer}::text, ${keptUntil}::timestamptz, position FROM done)`,
    values: [claim.id, claim.fingerprint, JSON.stringify(toPlain(body)), new Date(claim.keptUntilMs)],
  };
}

/** For a command that changed nothing: there is no append that could take the answer along. */
export async function keepAt(sql: Sql, position: bigint, answer: KeptAnswer): Promise<void> {
  const { text, values } = keeping(answer, 1);
  await sql.query(`WITH done AS (SELECT $1::bigint AS position)${text} SELECT position FROM done`, [
    position,
    ...values,
  ]);
}

/** The answer that was given under this claim; undefined where none is kept. */
export async function recall(sql: Sql, { id, fingerprint }: Claim, nowMs: number): Promise<AnswerBody | undefined> {
  const [row] = await sql.query<{ fingerprint: Uint8Array; answer: string; position: bigint }>(
    "SELECT fingerprint, answer, position FROM api.answer WHERE claim = $1 AND kept_until > $2",
    [id, new Date(nowMs)],
  );
  if (!row) return undefined;
  if (!Buffer.from(fingerprint).equals(row.fingerprint)) throw new TollgateError("request.key-reused");
  return { ...fromPlain(row.answer), position: row.position };
}

/** Oldest first; answers how many there were. Without `claim`, at most so many that no statement takes long. */
export async function forgetExpired(sql: Sql, nowMs: number, claim?: Claim): Promise<number> {
  const rowsMax = 1_000;
  const gone = await sql.query<{ claim: Uint8Array }>(
    `DELETE FROM api.answer WHERE claim IN (
       SELECT claim FROM api.answer WHERE kept_until <= $1 AND ($2::bytea IS NULL OR claim = $2)
       ORDER BY kept_until LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING claim`,
    [new Date(nowMs), claim?.id ?? null, rowsMax],
  );
  return gone.length;
}

/** As JSON, the same for the same value: members are sorted, and what JSON lacks is marked. No GraphQL name has a `$`. */
export function toPlain(value: unknown): unknown {
  if (typeof value === "bigint") return { $count: value.toString() };
  if (value instanceof Date) return { $instant: value.toISOString() };
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, toPlain(member)] as const);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function fromPlain(text: string): AnswerBody {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if ("$count" in value) return BigInt(String(value.$count));
    return "$instant" in value ? new Date(String(value.$instant)) : value;
  });
}
