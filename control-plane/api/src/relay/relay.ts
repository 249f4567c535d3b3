// Carries the log to Kafka, in order and without holes: the log is the outbox, so there is no second write that could be
// lost. One relay works at a time, by an advisory lock on a connection of its own; one that hangs loses its session and
// with it the lock. The checkpoint is written after the brokers acknowledged, so a relay that dies repeats positions and
// skips none, and readers drop what they have. Between records it sends ticks, so that silence is told from quiet.

import { setTimeout as delay } from "node:timers/promises";
import { eventsTopic, recordHeaders, tickHeaders } from "@tollgate/kernel/kafka-record";
import { limits } from "@tollgate/kernel/limits";
import type { Database } from "../database.ts";
import type { KafkaDoor, OutgoingRecord } from "../kafka.ts";
import { head, readLog, type LogIdentity } from "../log/read.ts";
import type { Wake } from "../log/wake.ts";
import { recordOf } from "../sync/records.ts";

export type RelayParts = {
  database: Database;
  wake: Wake;
  kafka: Pick<KafkaDoor, "produce" | "ensureTopics">;
  nowMs: () => number;
  onProblem: (error: unknown) => void;
};

export type RelayStatus = { isLeading: boolean; position: bigint };

export type Relay = { status(): RelayStatus; stop(): Promise<void> };

const tickMs = 250;
const pauseMsMin = 100;
const pauseMsMax = 2_000;

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
    try {
      await parts.kafka.ensureTopics();
      await parts.database.exclusive("relay", async () => {
        pauseMs = pauseMsMin;
        status.isLeading = true;
        await carry(parts, status, signal);
      });
    } catch (error) {
      if (!signal.aborted) parts.onProblem(error);
    } finally {
      status.isLeading = false;
    }
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, pauseMsMax);
  }
}

async function carry(
  { database, wake, kafka, nowMs }: RelayParts,
  status: RelayStatus,
  signal: AbortSignal,
): Promise<void> {
  const { log } = await head(database.sql);
  let position = await checkpoint(database);
  const bell = ring(wake, signal);
  try {
    while (!signal.aborted) {
      const entries = await readLog(database.sql, position, limits.feedRecordsMax);
      const last = entries.at(-1);
      const records = last ? entries.map((entry) => outgoing(log, recordOf(entry))) : [tick(log, position, nowMs())];
      await kafka.produce(eventsTopic, records);
      if (last) {
        position = last.position;
        status.position = position;
        await storeCheckpoint(database, position);
      } else {
        await bell.wait(tickMs);
      }
    }
  } finally {
    bell.close();
  }
}

function outgoing(log: LogIdentity, record: ReturnType<typeof recordOf>): OutgoingRecord {
  return { key: null, value: record.body ?? null, headers: recordHeaders(log, record) };
}

function tick(log: LogIdentity, position: bigint, timeMs: number): OutgoingRecord {
  return { key: null, value: null, headers: tickHeaders(log, position, timeMs) };
}

async function checkpoint({ sql }: Database): Promise<bigint> {
  const [row] = await sql.query<{ position: bigint }>("SELECT position FROM relay.checkpoint WHERE topic = $1", [
    eventsTopic,
  ]);
  return row?.position ?? 0n;
}

async function storeCheckpoint({ sql }: Database, position: bigint): Promise<void> {
  await sql.query(
    `INSERT INTO relay.checkpoint (topic, position) VALUES ($1, $2)
     ON CONFLICT (topic) DO UPDATE SET position = greatest(relay.checkpoint.position, excluded.position)`,
    [eventsTopic, position],
  );
}

/** Rings when something was appended; one that rang while nobody waited is heard at the next wait. */
function ring(wake: Wake, signal: AbortSignal): { wait(timeoutMs: number): Promise<void>; close(): void } {
  let known = 0n;
  let hasRung = false;
  let proceed: (() => void) | undefined;
  const onAbort = (): void => proceed?.();
  const unsubscribe = wake.subscribe((position) => {
    if (position <= known) return;
    known = position;
    hasRung = true;
    proceed?.();
  });
  signal.addEventListener("abort", onAbort);
  return {
    async wait(timeoutMs) {
      if (!hasRung && !signal.aborted)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          proceed = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      hasRung = false;
      proceed = undefined;
    },
    close() {
      unsubscribe();
      signal.removeEventListener("abort", onAbort);
    },
  };
}
