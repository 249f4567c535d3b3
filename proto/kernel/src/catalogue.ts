// What the schema says of its events and resources, read once by reflection, so that no list of them is kept by hand: an
// event is a message with the option `event`, a resource one with the option `resource`. A replicated event has exactly
// one field, number 1, the resource; `resourceBytes` cuts its bytes out of the event's without re-printing them, so that
// two versions of the software digest the same bytes even where one of them does not know every field.

import { fromBinary, getOption, hasOption, toBinary, type DescMessage, type Message } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { file_tollgate_v1_events, type LoggedEvent } from "@tollgate/schema/events";
import { event as eventOption, resource as resourceOption } from "@tollgate/schema/options";
import { file_tollgate_v1_resources } from "@tollgate/schema/resources";

export type EventType = {
  type: string;
  desc: DescMessage;
  stream: string;
  replicated: boolean;
  removes: boolean;
  /** The kind of the resource it carries. */
  kind: string;
};

export type ResourceType = { kind: string; desc: DescMessage };

export const resourceTypes: ReadonlyMap<string, ResourceType> = new Map(
  file_tollgate_v1_resources.messages
    .filter((desc) => hasOption(desc, resourceOption))
    .map((desc) => {
      const { kind } = getOption(desc, resourceOption);
      return [kind, { kind, desc }];
    }),
);

export const eventTypes: ReadonlyMap<string, EventType> = new Map(
  file_tollgate_v1_events.messages
    .filter((desc) => hasOption(desc, eventOption))
    .map((desc) => [desc.typeName, eventType(desc)]),
);

function eventType(desc: DescMessage): EventType {
  const { stream, replicated, removes } = getOption(desc, eventOption);
  const carried = desc.fields[0]?.message;
  if (desc.fields.length !== 1 || desc.fields[0]?.number !== 1 || !carried || !hasOption(carried, resourceOption))
    throw new Error(`${desc.typeName} must have one field, number 1, a resource`);
  return { type: desc.typeName, desc, stream, replicated, removes, kind: getOption(carried, resourceOption).kind };
}

export function encodeEvent(event: Message): Uint8Array {
  return toBinary(typeNamed(event.$typeName).desc, event);
}

export function decodeEvent(logged: Pick<LoggedEvent, "type" | "body">): Message {
  return fromBinary(typeNamed(logged.type).desc, logged.body);
}

export function typeNamed(type: string): EventType {
  const known = eventTypes.get(type);
  if (!known) throw new Error(`no event of the schema is named ${type}`);
  return known;
}

/** The bytes of an event's one field. Throws on anything else, as every reader of untrusted bytes here does. */
export function resourceBytes(eventBody: Uint8Array): Uint8Array {
  const reader = new BinaryReader(eventBody);
  const [field, wire] = reader.tag();
  if (field !== 1 || wire !== WireType.LengthDelimited) throw new Error("an event's body begins with its resource");
  const bytes = reader.bytes();
  if (reader.pos !== reader.len) throw new Error("an event's body holds nothing but its resource");
  return bytes;
}
