// Carries the log to Kafka, in order and without holes: the log is the outbox, so there is no second write that could be
// lost. One relay works at a time, by an advisory lock on a connection of its own; one that hangs loses its session and
// with it the lock. The checkpoint is written after the brokers acknowledged, so a relay that dies repeats positions and
// skips none, and readers drop what they have. Between records it sends ticks, so that silence is told from quiet.

import { setTimeout as delay } from "node:timers/promises";
import { eventsTopic, recordHeaders, tickHeaders, type Said } from "@tollgate/kernel/kafka-record";
import type { Database, Sql } from "../database.ts";
import type { KafkaDoor, OutgoingRecord } from "../kafka.ts";
import { hashAt, head, type Place } from "../log/read.ts";
import type { Wake } from "../log/wake.ts";
import { followLog } from "../sync/follow-log.ts";
import { recordOf, tickOf } from "../sync/records.ts";
import { sized } from "../sync/sized.ts";
import type { RecordKeys, Signature } from "./record-keys.ts";

export type RelayParts = {
  database: Database;
  wake: Wake;
  kafka: Pick<KafkaDoor, "produce" | "ensureTopics">;
  recordKeys: Pick<RecordKeys, "signer">;
  /** Asked by each leader before it writes; throws where it must not. */
  mayWrite: () => Promise<void>;
  nowMs: () => number;
  onProblem: (error: unknown) => void;
};

export type RelayStatus = { isLeading: boolean; position: bigint };

export type Relay = { status(): RelayStatus; stop(): Promise<void> };

/** Longer than a produce takes to give up; a leader that hangs longer than this is none. */
const sessionIdleMsMax = 30_000;
/** A broker takes 1 MiB a batch by default, and all of a request is one batch here; an event is half of that at most. */
const requestBytesMax = 768 * 1024;
const recordOverheadBytes = 64;
const pauseMsMin = 100;
const pauseMsMax = 2_000;
/** A lead that lasted this long was a good one: the pause after it is short again. */
const goodLeadMs = 5_000;

export function startRelay(parts: RelayParts): Relay {
  const stopping = new AbortController();
  const status: RelayStatus = { isLeading: false, position: 0n };
  const running = lead(parts, status, stopping.signal);
  return {
    status: () => ({ ...status }),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Again and again until it is stopped: become the leader, carry, lose the lead by some failure, pause. */
async function lead(parts: RelayParts, status: RelayStatus, signal: AbortSignal): Promise<void> {
  let pauseMs = pauseMsMin;
  while (!signal.aborted) {
    const startMs = performance.now();
    try {
      await parts.kafka.ensureTopics();
      const asLeader = async (sql: Sql): Promise<void> => {
        await parts.mayWrite();
        status.isLeading = true;
        await carry(parts, sql, status, signal);
      };
      await parts.database.exclusive("relay", asLeader, { signal, idleMsMax: sessionIdleMsMax });
    } catch (error) {
      if (!signal.aborted) parts.onProblem(error);
    } finally {
      status.isLeading = false;
    }
    if (performance.now() - startMs > goodLeadMs) pauseMs = pauseMsMin;
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, pauseMsMax);
  }
}

/** Reads on the session that holds the lead: when that is gone, so is the lead. */
async function carry(
  { wake, kafka, recordKeys, nowMs }: RelayParts,
  sql: Sql,
  status: RelayStatus,
  signal: AbortSignal,
): Promise<void> {
  const { log } = await head(sql);
  for await (const { entries, tick } of followLog({ sql, wake, nowMs }, await checkpoint(sql), signal)) {
    const sign = await recordKeys.signer();
    const said: Said[] = entries.map((entry) => ({ kind: "record", log, record: recordOf(entry) }));
    if (tick) said.push({ kind: "tick", log, tick: tickOf(tick) });
    const records = said.map((one) => outgoing(one, sign(one)));
    for (const part of sized(records, bytesOf, requestBytesMax)) await kafka.produce(eventsTopic, part);
    const last = entries.at(-1);
    if (!last) continue;
    status.position = last.position;
    await storeCheckpoint(sql, last.position);
  }
}

function outgoing(said: Said, signature: Signature): OutgoingRecord {
  if (said.kind === "tick")
    return { key: null, value: null, headers: { ...tickHeaders(said.log, said.tick), ...signature } };
  const { log, record } = said;
  return { key: null, value: record.body ?? null, headers: { ...recordHeaders(log, record), ...signature } };
}

function bytesOf({ value, headers }: OutgoingRecord): number {
  const head = Object.entries(headers).reduce((sum, [name, text]) => sum + name.length + text.length, 0);
  return (value?.length ?? 0) + head + recordOverheadBytes;
}

async function checkpoint(sql: Sql): Promise<Place> {
  const [row] = await sql.query<{ position: bigint }>("SELECT position FROM relay.checkpoint WHERE topic = $1", [
    eventsTopic,
  ]);
  const position = row?.position ?? 0n;
  const hash = await hashAt(sql, position);
  if (!hash) throw new Error(`the relay's checkpoint is ${position}, which the log does not have`);
  return { position, hash };
}

async function storeCheckpoint(sql: Sql, position: bigint): Promise<void> {
  await sql.query(
    `INSERT INTO relay.checkpoint (topic, position) VALUES ($1, $2)
     ON CONFLICT (topic) DO UPDATE SET position = greatest(relay.checkpoint.position, excluded.position)`,
    [eventsTopic, position],
  );
}
