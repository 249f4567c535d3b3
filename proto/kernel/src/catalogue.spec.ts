// What the schema says is what the code takes from it. That each event also has an owner and a pin is tested where both
// planes can be seen (`test/pins`).

import { create, toBinary } from "@bufbuild/protobuf";
import { file_tollgate_v1_events, TeamCreatedSchema } from "@tollgate/schema/events";
import { TeamSchema } from "@tollgate/schema/resources";
import { RecordSchema } from "@tollgate/schema/sync";
import { describe, expect, test } from "vitest";
import { decodeEvent, encodeEvent, eventTypes, resourceBytes, resourceTypes, typeNamed } from "./catalogue.ts";
import { apply, empty } from "./replica.ts";

test("every message of the events' file is an event, but for the envelope", () => {
  const names = file_tollgate_v1_events.messages.map(({ typeName }) => typeName);
  expect(names.filter((name) => !eventTypes.has(name))).toEqual(["tollgate.v1.LoggedEvent"]);
});

describe.each([...eventTypes.values()])("$type", ({ type, desc, stream, replicated, removes, kind }) => {
  test("is appended to the stream of its resource", () => {
    expect(kind).toBe(stream);
  });

  test("is folded where it is replicated: its resource is there after it, or gone", () => {
    const resource = resourceTypes.get(kind);
    if (!resource) throw new Error(`no resource of the kind ${kind}`);
    // The event's one field, written by hand: tag, length, a resource with nothing but its id. A policy is nothing without
    // a kind: here it denies.
    const more = kind === "policy" ? [0x82, 0x01, 0x00] : [];
    const body = Uint8Array.of(0x0a, 0x03 + more.length, 0x0a, 0x01, 0x78, ...more);
    const record = create(RecordSchema, {
      position: 1n,
      commit: 1n,
      type,
      scopes: [`${kind}/x`],
      ...(replicated ? { body } : {}),
    });
    const replica = apply(empty(), [record]);
    expect(replica.refused.size).toBe(0);
    expect(replica.kinds.get(kind)?.entries.size).toBe(replicated && !removes ? 1 : 0);
  });

  test("is read back as it was written", () => {
    const event = create(desc);
    expect(decodeEvent({ type, body: encodeEvent(event) })).toEqual(event);
  });
});

describe("the bytes of a resource", () => {
  test("are cut out of the event as they came", () => {
    const team = create(TeamSchema, { id: "t", name: "engineering" });
    expect(resourceBytes(encodeEvent(create(TeamCreatedSchema, { team })))).toEqual(toBinary(TeamSchema, team));
    // A field that this software does not know stays where it is.
    const odd = [0x0a, 0x05, 0x0a, 0x01, 0x78, 0xf0, 0x01];
    expect(resourceBytes(Uint8Array.of(...odd))).toEqual(Uint8Array.of(...odd.slice(2)));
  });

  test.each([
    ["an empty body", []],
    ["another field", [0x12, 0x00]],
    ["a number", [0x08, 0x01]],
    ["a second field", [0x0a, 0x00, 0x10, 0x01]],
    ["a cut-off length", [0x0a, 0x7f, 0x00]],
  ])("are not taken from %s", (_, bytes) => {
    expect(() => resourceBytes(Uint8Array.of(...bytes))).toThrow();
  });
});

test("a name that is not in the schema is a bug", () => {
  expect(() => typeNamed("tollgate.v1.Nothing")).toThrow("no event of the schema is named tollgate.v1.Nothing");
});
