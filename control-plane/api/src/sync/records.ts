// From an entry of the log to what travels. The body goes as it is stored; an event that is not replicated travels without
// one, so that every position arrives and nothing of it is told.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { typeNamed } from "@tollgate/kernel/catalogue";
import { RecordSchema, type Record as LogRecord } from "@tollgate/schema/sync";
import type { LogEntry } from "../log/read.ts";

export function recordOf({ position, commit, logged }: LogEntry): LogRecord {
  const record: MessageInitShape<typeof RecordSchema> = { position, commit, type: logged.type, scopes: logged.scopes };
  if (typeNamed(logged.type).replicated) record.body = logged.body;
  return create(RecordSchema, record);
}
