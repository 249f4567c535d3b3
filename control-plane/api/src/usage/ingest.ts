// Takes facts into the usage store, each exactly once, whichever way they came and how often: one transaction a batch, under
// the lock of its epoch's cursor row. What is at or below the cursor is dropped, what follows it is stored, and a batch
// beyond it stores nothing but makes the hole visible; the answer is always where the proxy has to go on. A batch that came
// over Kafka moves the consumer's place in the same transaction.
import { create } from "@bufbuild/protobuf";
import type { FactCursor } from "@tollgate/schema/sync";
import { FactCursorSchema } from "@tollgate/schema/sync";
import type { FactBatch } from "@tollgate/schema/usage";
import type { Database, Sql } from "../database.ts";
import { checkBatch, newSpans } from "./batch.ts";
import type { FactSpans } from "./batch.ts";
import { insertSpans } from "./usage-rows.ts";

export type KafkaOffset = { readonly topic: string; readonly partition: number; readonly offset: bigint };

/** Throws `usage.invalid` for a batch that no repetition would mend; then nothing of it is stored. */
export async function ingest(
  database: Pick<Database, "transaction">,
  batch: FactBatch,
  { kafkaOffset }: { readonly kafkaOffset?: KafkaOffset } = {},
): Promise<{ stored: bigint }> {
  const facts = checkBatch(batch);
  return database.transaction(async (sql) => {
    const stored = await lockCursor(sql, facts);
    const spans = newSpans(facts, stored);
    const storedNow = spans === "hole" || spans.length === 0 ? stored : facts.last;
    if (spans !== "hole") await insertSpans(sql, facts, spans);
    await sql.query(
      "UPDATE usage.cursor SET stored = $3, seen = greatest(seen, $4), updated = now() WHERE proxy_id = $1 AND epoch = $2",
      [facts.proxyId, facts.epoch, storedNow, facts.last],
    );
    if (kafkaOffset !== undefined) await moveConsumed(sql, kafkaOffset);
    return { stored: storedNow };
  });
}

/** The row is locked until the transaction ends, also where it was made just now: both ways in wait for each other here. */
async function lockCursor(sql: Sql, { proxyId, epoch }: FactSpans): Promise<bigint> {
  const [row] = await sql.query<{ stored: bigint }>(
    `INSERT INTO usage.cursor (proxy_id, epoch) VALUES ($1, $2)
     ON CONFLICT (proxy_id, epoch) DO UPDATE SET proxy_id = excluded.proxy_id RETURNING stored`,
    [proxyId, epoch],
  );
  if (row === undefined) throw new Error("an upsert returned no row");
  return row.stored;
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
