// The codec between an event and what the log stores of it. The bytes made here are what the hash covers, so they are made
// once, at the append, and never again: readers decode the stored bytes and do not print them anew. The scope is worked out
// here too, so that a proxy which cannot read an event still knows what it is about.

import { create, fromBinary, toBinary, type Message } from "@bufbuild/protobuf";
import { LoggedEventSchema, type LoggedEvent } from "@tollgate/schema/events";
import { decodeEvent, encodeEvent, resourceBytes, resourceTypes, typeNamed } from "@tollgate/kernel/catalogue";
import { TollgateError } from "@tollgate/kernel/errors";
import { scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { restrainedBy } from "@tollgate/kernel/quotas/quota-scope";
import type { Claim } from "./kept-answer.ts";

/**
 * Who asked, and when. The time is an input like any other: nothing below reads a clock. With a claim, the answer is kept
 * together with what the command does.
 */
export type Meta = {
  actor: string;
  timeMs: number;
  claim?: Claim | undefined;
  /** Also where a live proxy cannot enforce it. */
  isForced?: boolean | undefined;
  /** Whether a server that it leaves may be a program on the proxies. */
  mayRunPrograms?: boolean | undefined;
};

export type NewEvent = { stream: string; version: number; event: Message };

export function toLogged({ stream, version, event }: NewEvent, meta: Meta): LoggedEvent {
  const known = typeNamed(event.$typeName);
  if (!stream.startsWith(`${known.stream}/`)) throw new Error(`${known.type} does not belong to the stream ${stream}`);
  const body = encodeEvent(event);
  return create(LoggedEventSchema, {
    stream,
    version,
    type: known.type,
    scopes: scopesOf(known.kind, body),
    timeMs: BigInt(meta.timeMs),
    actor: meta.actor,
    body,
  });
}

/**
 * The resource, and not the team that it belongs to: what cannot be read of one key must not refuse all of its team. What holds
 * others back names them behind itself: they would go without bounds otherwise.
 */
function scopesOf(kind: string, body: Uint8Array): string[] {
  const desc = resourceTypes.get(kind)?.desc;
  if (!desc) throw new Error(`no resource of the schema is of the kind ${kind}`);
  const resource = fromBinary(desc, resourceBytes(body));
  if (!("id" in resource) || typeof resource.id !== "string" || resource.id === "")
    throw new Error(`an event about a ${kind} without an id`);
  return [scopeOf(kind, resource.id), ...restrainedBy(resource)];
}

/** `left` events of the same commit come after it. */
export function toRecord(logged: LoggedEvent, left = 0): Uint8Array {
  const record = toBinary(LoggedEventSchema, { ...logged, left });
  if (record.length > limits.eventBytesMax)
    throw new TollgateError("log.too-large", `${logged.stream}: ${record.length} of ${limits.eventBytesMax} bytes.`);
  return record;
}

export function fromRecord(record: Uint8Array): LoggedEvent {
  return fromBinary(LoggedEventSchema, record);
}

/** A stream's events for the decider that owns it. */
export function eventsFor<E extends Message>(stream: string, logged: readonly LoggedEvent[]): E[] {
  return logged.map((one) => {
    if (typeNamed(one.type).stream !== stream) throw new Error(`${one.type} is not an event of a ${stream} stream`);
    // A codec's cast: a decider's event union is the events that the schema gives to its stream, checked just above.
    return decodeEvent(one) as E;
  });
}
