// Facts from Kafka. Where to go on is in PostgreSQL, written with the facts; the broker is never told, so nothing can be
// committed there that is not stored here, and whatever is read twice vanishes at the cursors. A record that is no batch is
// counted, kept as a row, logged and passed over: one poisoned record must not stop everybody's facts. The proxy that owns
// such facts sends them again, because its watermark does not move. A failing database is no reason to pass anything over.
import { fromBinary } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import type { FactBatch } from "@tollgate/schema/usage";
import { FactBatchSchema } from "@tollgate/schema/usage";
import type { IngestParts, KafkaOffset } from "./ingest.ts";
import { ingest, moveConsumed } from "./ingest.ts";

export const usageTopic = "gateway.usage";
const rejectedRowsMax = 1_000;
const rejectedHeadBytes = 4_096;

export type UsageRecord = KafkaOffset & { readonly value: Uint8Array | null };

export type UsageConsumer = {
  /** Where to seek when the partition is assigned; undefined: its beginning. */
  next(topic: string, partition: number): Promise<bigint | undefined>;
  /** In the partition's order. Rejects only where the database failed: then the same record has to come again. */
  take(record: UsageRecord): Promise<void>;
};

export type Rejection = KafkaOffset & { readonly reason: string; readonly bytes: number };

export function usageConsumer(parts: IngestParts, onRejected: (rejection: Rejection) => void): UsageConsumer {
  const { database } = parts;
  async function next(topic: string, partition: number): Promise<bigint | undefined> {
    const rows = await database.sql.query<{ next: bigint }>(
      "SELECT next FROM usage.consumed WHERE topic = $1 AND partition = $2",
      [topic, partition],
    );
    return rows[0]?.next;
  }

  async function take(record: UsageRecord): Promise<void> {
    const batch = decode(record.value);
    if (batch instanceof Error) return reject(record, batch.message);
    try {
      await ingest(parts, batch, { kafkaOffset: record });
    } catch (error) {
      const reason = reasonOfPoison(error);
      if (reason === undefined) throw error;
      await reject(record, reason);
    }
  }

  async function reject(record: UsageRecord, reason: string): Promise<void> {
    const value = record.value ?? new Uint8Array();
    const { topic, partition, offset } = record;
    await database.transaction(async (sql) => {
      const head = Buffer.from(value.subarray(0, rejectedHeadBytes));
      const [row] = await sql.query<{ id: bigint }>(
        `INSERT INTO usage.rejected (topic, partition, position, bytes, reason, head)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
        [topic, partition, offset, value.length, reason, head],
      );
      if (row !== undefined) {
        await sql.query("DELETE FROM usage.rejected WHERE id <= $1", [row.id - BigInt(rejectedRowsMax)]);
      }
      await moveConsumed(sql, record);
    });
    onRejected({ topic, partition, offset, reason, bytes: value.length });
  }

  return { next, take };
}

function decode(value: Uint8Array | null): FactBatch | Error {
  try {
    return fromBinary(FactBatchSchema, value ?? new Uint8Array());
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Our own refusal, or PostgreSQL's of the data itself (classes 22 and 23): both would come again for ever. */
function reasonOfPoison(error: unknown): string | undefined {
  if (error instanceof TollgateError) return error.code.startsWith("usage.") ? error.message : undefined;
  const code = sqlState(error);
  return code !== undefined && /^2[23]/.test(code) ? `PostgreSQL refused the data (${code}).` : undefined;
}

function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
