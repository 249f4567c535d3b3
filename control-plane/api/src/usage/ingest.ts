// Takes facts into the usage store, each exactly once, whichever way they came and how often: one transaction a batch, under
// the lock of its epoch's cursor row. What is at or below the cursor is dropped, what follows it is stored, and a batch
// beyond it stores nothing but makes the hole visible; the answer is always where the proxy has to go on. A batch that was not
// signed with its epoch's key, or that continues another chain than ours, is refused. One that came over Kafka moves the
// consumer's place in the same transaction.
import { create } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { firstLink } from "@tollgate/kernel/fact-chain";
import type { FactCursor } from "@tollgate/schema/sync";
import { FactCursorSchema } from "@tollgate/schema/sync";
import type { FactBatch } from "@tollgate/schema/usage";
import type { Database, Sql } from "../database.ts";
import { foldStream } from "../log/fold-stream.ts";
import { proxyDecider } from "../proxies/proxy.decider.ts";
import { checkBatch, meeting, newSpans } from "./batch.ts";
import type { FactSpans } from "./batch.ts";
import { insertSpans } from "./usage-rows.ts";

export type KafkaOffset = { readonly topic: string; readonly partition: number; readonly offset: bigint };

export type EpochKeyOf = (proxyId: string, epoch: bigint) => Uint8Array;

export type IngestParts = {
  readonly database: Pick<Database, "sql" | "transaction">;
  readonly keyOf: EpochKeyOf;
  /** A batch that was refused for what it is: somebody forged it, or a proxy runs twice. */
  readonly onRefused: (error: TollgateError, batch: FactBatch) => void;
};

export type IngestOptions = { readonly kafkaOffset?: KafkaOffset };

/**
 * Throws `usage.invalid`, `.forged`, `.forked` or `.proxy-revoked` for a batch that no repetition would mend; nothing of it is
 * stored then.
 */
export async function ingest(
  parts: IngestParts,
  batch: FactBatch,
  options: IngestOptions = {},
): Promise<{ stored: bigint }> {
  try {
    return await takeIn(parts, batch, options);
  } catch (error) {
    if (error instanceof TollgateError) parts.onRefused(error, batch);
    throw error;
  }
}

async function takeIn(
  { database, keyOf }: IngestParts,
  batch: FactBatch,
  { kafkaOffset }: IngestOptions,
): Promise<{ stored: bigint }> {
  const facts = checkBatch(batch, keyOf);
  return database.transaction(async (sql) => {
    await mustBeTrusted(sql, facts);
    const cursor = await lockCursor(sql, facts);
    await checkChain(sql, facts, cursor);
    const spans = newSpans(facts, cursor.stored);
    if (spans === "hole" || spans.length === 0) await seeUpTo(sql, facts);
    else {
      await insertSpans(sql, facts, spans);
      await sql.query(
        `UPDATE usage.cursor SET stored = $3, link = $4, seen = greatest(seen, $3), updated = now()
         WHERE proxy_id = $1 AND epoch = $2`,
        [facts.proxyId, facts.epoch, facts.last, spans.at(-1)?.link ?? null],
      );
    }
    if (kafkaOffset !== undefined) await moveConsumed(sql, kafkaOffset);
    return { stored: spans === "hole" || spans.length === 0 ? cursor.stored : facts.last };
  });
}

/** Over Kafka nobody has looked at who sends; its key signs for it as long as it lives. */
async function mustBeTrusted(sql: Sql, { proxyId }: FactSpans): Promise<void> {
  const proxy = await foldStream(sql, proxyDecider, proxyId);
  if (proxy?.revokedAtMs !== undefined)
    throw new TollgateError("usage.proxy-revoked", `Proxy ${proxyId} was revoked before they came.`);
}

type Cursor = { stored: bigint; link: Uint8Array | null };

/** The row is locked until the transaction ends, also where it was made just now: both ways in wait for each other here. */
async function lockCursor(sql: Sql, { proxyId, epoch }: FactSpans): Promise<Cursor> {
  const [row] = await sql.query<Cursor>(
    `INSERT INTO usage.cursor (proxy_id, epoch, link) VALUES ($1, $2, $3)
     ON CONFLICT (proxy_id, epoch) DO UPDATE SET proxy_id = excluded.proxy_id RETURNING stored, link`,
    [proxyId, epoch, Buffer.from(firstLink)],
  );
  if (row === undefined) throw new Error("an upsert returned no row");
  return row;
}

async function seeUpTo(sql: Sql, { proxyId, epoch, last }: FactSpans): Promise<void> {
  await sql.query(
    "UPDATE usage.cursor SET seen = greatest(seen, $3), updated = now() WHERE proxy_id = $1 AND epoch = $2",
    [proxyId, epoch, last],
  );
}

/**
 * What comes must continue, or repeat, what is there: one link vouches for all facts before it, so one comparison tells two
 * writers of an epoch apart. Where the chain is not known (a loss, an older version) what comes is believed: it is signed.
 */
async function checkChain(sql: Sql, facts: FactSpans, { stored, link }: Cursor): Promise<void> {
  const met = meeting(facts, stored);
  if (met === undefined) return;
  const ours = met.seq === stored ? link : await storedLink(sql, facts, met.seq);
  if (ours !== null && Buffer.compare(ours, met.link) !== 0)
    throw new TollgateError(
      "usage.forked",
      `Fact ${met.seq} of epoch ${facts.epoch} of proxy ${facts.proxyId} is another.`,
    );
}

async function storedLink(sql: Sql, { proxyId, epoch }: FactSpans, seq: bigint): Promise<Uint8Array | null> {
  const [row] = await sql.query<{ link: Uint8Array | null }>(
    `SELECT link FROM usage.call WHERE proxy_id = $1 AND epoch = $2 AND seq = $3
     UNION ALL SELECT link FROM usage.model_call WHERE proxy_id = $1 AND epoch = $2 AND seq = $3
     UNION ALL SELECT link FROM usage.unread WHERE proxy_id = $1 AND epoch = $2 AND seq = $3`,
    [proxyId, epoch, seq],
  );
  return row?.link ?? null;
}

export async function moveConsumed(sql: Sql, { topic, partition, offset }: KafkaOffset): Promise<void> {
  await sql.query(
    `INSERT INTO usage.consumed (topic, partition, next) VALUES ($1, $2, $3)
     ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next`,
    [topic, partition, offset + 1n],
  );
}

export type StoredCursors = { stored: FactCursor[]; forked: bigint[] };

/**
 * For the answer to a report: up to where the facts of these epochs are stored, and of which epochs the store has others than
 * the proxy. Of an epoch never heard of, nothing is stored. Each side compares at the lesser number, which both have.
 */
export async function storedCursors(
  sql: Sql,
  proxyId: string,
  spooled: readonly Pick<FactCursor, "epoch" | "seq" | "link">[],
): Promise<StoredCursors> {
  if (spooled.length === 0) return { stored: [], forked: [] };
  const rows = await sql.query<{ epoch: bigint; stored: bigint; link: Uint8Array | null; at: Uint8Array | null }>(
    `SELECT spooled.epoch, coalesce(cursor.stored, 0) AS stored, cursor.link,
       coalesce(call.link, model_call.link) AS at
     FROM unnest($2::bigint[], $3::bigint[]) AS spooled (epoch, seq)
     LEFT JOIN usage.cursor AS cursor ON cursor.proxy_id = $1 AND cursor.epoch = spooled.epoch
     LEFT JOIN usage.call AS call
       ON call.proxy_id = $1 AND call.epoch = spooled.epoch AND call.seq = spooled.seq AND spooled.seq <= cursor.stored
     LEFT JOIN usage.model_call AS model_call
       ON model_call.proxy_id = $1 AND model_call.epoch = spooled.epoch AND model_call.seq = spooled.seq
       AND spooled.seq <= cursor.stored
     ORDER BY spooled.epoch`,
    [proxyId, spooled.map(({ epoch }) => epoch), spooled.map(({ seq }) => seq)],
  );
  const theirs = new Map(spooled.map(({ epoch, link }) => [epoch, link]));
  const isForked = ({ epoch, at }: (typeof rows)[number]): boolean => {
    const link = theirs.get(epoch);
    return at !== null && link !== undefined && link.length > 0 && Buffer.compare(at, link) !== 0;
  };
  return {
    stored: rows
      .filter((row) => !isForked(row))
      .map(({ epoch, stored, link }) => create(FactCursorSchema, { epoch, seq: stored, ...(link ? { link } : {}) })),
    forked: rows.filter(isForked).map(({ epoch }) => epoch),
  };
}
