// From an entry of the log to what travels. The body goes as it is stored; an event that is not replicated travels without
// one, so that every position arrives and nothing of it is told.

import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { resourceTypes, typeNamed } from "@tollgate/kernel/catalogue";
import { restrainedBy, restrainingKinds } from "@tollgate/kernel/quotas/quota-scope";
import {
  RecordSchema,
  type ResourceSchema,
  TickSchema,
  type Record as LogRecord,
  type Tick,
} from "@tollgate/schema/sync";
import type { LogEntry } from "../log/read.ts";
import type { StoredResource } from "../projections/replica.ts";
import type { LogTick } from "./follow-log.ts";

export function recordOf({ position, commit, logged, previous, hash }: LogEntry): LogRecord {
  const { type, scopes } = logged;
  const record: MessageInitShape<typeof RecordSchema> = { position, commit, type, scopes, previous, hash };
  if (typeNamed(logged.type).replicated) record.body = logged.body;
  return create(RecordSchema, record);
}

/** In a snapshot. Most kinds hold nobody back, and their bytes go unread. */
export function resourceOf(stored: StoredResource): MessageInitShape<typeof ResourceSchema> {
  const desc = restrainingKinds.has(stored.kind) ? resourceTypes.get(stored.kind)?.desc : undefined;
  return desc ? { ...stored, restrains: restrainedBy(fromBinary(desc, stored.body)) } : stored;
}

export function tickOf({ head, timeMs }: LogTick): Tick {
  return create(TickSchema, { head: head.position, hash: head.hash, timeMs: BigInt(timeMs) });
}
