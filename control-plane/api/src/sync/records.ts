// From an entry of the log to what travels. The body goes as it is stored; an event that is not replicated travels without
// one, so that every position arrives and nothing of it is told.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { typeNamed } from "@tollgate/kernel/catalogue";
import { RecordSchema, TickSchema, type Record as LogRecord, type Tick } from "@tollgate/schema/sync";
import type { LogEntry } from "../log/read.ts";
import type { LogTick } from "./follow-log.ts";

export function recordOf({ position, commit, logged, previous, hash }: LogEntry): LogRecord {
  const { type, scopes } = logged;
  const record: MessageInitShape<typeof RecordSchema> = { position, commit, type, scopes, previous, hash };
  if (typeNamed(logged.type).replicated) record.body = logged.body;
  return create(RecordSchema, record);
}

export function tickOf({ head, timeMs }: LogTick): Tick {
  return create(TickSchema, { head: head.position, hash: head.hash, timeMs: BigInt(timeMs) });
}
