// What the topic's end says of our log, asked before anything is written: a database that was restored from a backup would
// otherwise give positions anew that proxies have applied, and a key that is revoked at one of them would go on working.
// Only what our own relays have signed counts. It knows nothing of what proxies themselves have applied (sync/evidence.ts).

import { eventsTopic, fromKafka, type KafkaHeaders } from "@tollgate/kernel/kafka-record";
import type { Database, Sql } from "../database.ts";
import type { KafkaDoor } from "../kafka.ts";
import { LogBehind } from "../log/incarnation.ts";
import { head } from "../log/read.ts";
import type { RecordKeys } from "./record-keys.ts";

export type TailParts = {
  database: Pick<Database, "sql">;
  kafka: Pick<KafkaDoor, "newest">;
  recordKeys: Pick<RecordKeys, "verifier">;
};

/** Enough for minutes of ticks, each of which tells the head. */
const recordsMax = 2_000;

type Seen = { incarnation: number; places: Map<bigint, Uint8Array> };

/** Throws `LogBehind` where the topic has more of this log than the database, or another past. */
export async function checkTail({ database, kafka, recordKeys }: TailParts): Promise<void> {
  const isOurs = await recordKeys.verifier();
  const { log: ours } = await head(database.sql);
  const seen: Seen = { incarnation: 0, places: new Map() };
  await kafka.newest(eventsTopic, recordsMax, (headers: KafkaHeaders, value) => {
    const read = fromKafka(headers, value);
    if (!read || read.log.id !== ours.id || read.log.incarnation < seen.incarnation || !isOurs(headers, read)) return;
    if (read.log.incarnation > seen.incarnation) {
      seen.incarnation = read.log.incarnation;
      seen.places.clear();
    }
    if (read.kind === "tick") seen.places.set(read.tick.head, read.tick.hash);
    else seen.places.set(read.record.position, read.record.hash);
  });
  await compare(database.sql, seen);
}

async function compare(sql: Sql, { incarnation, places }: Seen): Promise<void> {
  // After the topic was read: what is written meanwhile must not look as if it were missing.
  const { log, position } = await head(sql);
  const topic = `The topic ${eventsTopic}`;
  if (incarnation > log.incarnation)
    throw new LogBehind(`${topic} is at incarnation ${incarnation}`, `at ${log.incarnation}`, incarnation + 1);
  if (incarnation < log.incarnation) return;
  const newest = [...places.keys()].reduce((most, one) => (one > most ? one : most), 0n);
  if (newest > position)
    throw new LogBehind(`${topic} holds position ${newest}`, `ends at ${position}`, incarnation + 1);
  const rows = await sql.query<{ position: bigint; hash: Uint8Array }>(
    "SELECT position, hash FROM log.event WHERE position = ANY ($1::bigint[])",
    [[...places.keys()]],
  );
  for (const { position: at, hash } of rows)
    if (Buffer.compare(hash, places.get(at) ?? hash) !== 0)
      throw new LogBehind(`${topic} has another event at position ${at}`, `has its own there`, incarnation + 1);
}
