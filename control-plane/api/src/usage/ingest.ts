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
import { checkBatch, newSpans } from "./batch.ts";
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

/** Throws `usage.invalid`, `.forged` or `.forked` for a batch that no repetition would mend; nothing of it is stored then. */
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
  const { before, spans, last } = facts;
  if (before === undefined || spans[0].first > stored + 1n) return;
  const meets = last < stored ? last : stored;
  const theirs = meets < spans[0].first ? before : spans[Number(meets - spans[0].first)]?.link;
  const ours = meets === stored ? link : await storedLink(sql, facts, meets);
  if (ours && theirs && Buffer.compare(ours, theirs) !== 0)
    throw new TollgateError(
      "usage.forked",
      `Fact ${meets} of epoch ${facts.epoch} of proxy ${facts.proxyId} is another.`,
    );
}

async function storedLink(sql: Sql, { proxyId, epoch }: FactSpans, seq: bigint): Promise<Uint8Array | null> {
  const [row] = await sql.query<{ link: Uint8Array | null }>(
    `SELECT link FROM usage.call WHERE proxy_id = $1 AND epoch = $2 AND seq = $3
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

/** For the answer to a report: up to where the facts of these epochs are stored. An epoch never heard of is not in it. */
export async function storedCursors(sql: Sql, proxyId: string, epochs: readonly bigint[]): Promise<FactCursor[]> {
  if (epochs.length === 0) return [];
  const rows = await sql.query<{ epoch: bigint; stored: bigint }>(
    "SELECT epoch, stored FROM usage.cursor WHERE proxy_id = $1 AND epoch = ANY ($2::bigint[]) ORDER BY epoch",
    [proxyId, epochs],
  );
  return rows.map(({ epoch, stored }) => create(FactCursorSchema, { epoch, seq: stored }));
}
