// The wire form of every event and of what carries it, against literals. A failure here means that logs which exist could
// no longer be read or verified, or that proxies and control planes of two versions would not understand each other.

import { fromBinary, fromJson, toBinary, toJson, type DescMessage, type JsonValue } from "@bufbuild/protobuf";
import { eventTypes } from "@tollgate/kernel/catalogue";
import { LoggedEventSchema } from "@tollgate/schema/events";
import { QuotaScopeSchema } from "@tollgate/schema/resources";
import { RecordSchema } from "@tollgate/schema/sync";
import { describe, expect, test } from "vitest";
import { grownPins } from "./grown-pins.ts";
import { grownHierarchyPins, hierarchyPins } from "./hierarchy-pins.ts";
import { ledgerPins } from "./ledger-pins.ts";
import { messagePins, type Pin } from "./message-pins.ts";
import { modelPins } from "./model-pins.ts";
import { policyKindPins, policyPins } from "./policy-pins.ts";
import { otherQuotaPins, quotaPins } from "./quota-pins.ts";

const firstPins: Readonly<Record<string, Pin>> = {
  ...{ ...messagePins, ...modelPins, ...hierarchyPins, ...quotaPins },
  ...{ ...policyPins, ...ledgerPins },
};
const pinned: DescMessage[] = [
  ...[...eventTypes.values()].map(({ desc }) => desc),
  ...[LoggedEventSchema, RecordSchema, QuotaScopeSchema],
];

test("every event has a pin, and every pin a message", () => {
  const without = pinned.map(({ typeName }) => typeName).filter((name) => !(name in firstPins));
  expect(without, "these messages have no pin: add their JSON and bytes to message-pins.ts").toEqual([]);
  const names = pinned.map(({ typeName }) => typeName);
  const orphans = Object.keys(firstPins).filter((name) => !names.includes(name));
  expect(orphans, "these were pinned and are gone: a released event is never removed or renamed").toEqual([]);
});

function pinsOf({ typeName }: DescMessage): readonly Pin[] {
  return [
    ...[firstPins[typeName], ...(grownPins[typeName] ?? []), grownHierarchyPins[typeName]],
    ...[...(otherQuotaPins[typeName] ?? []), ...(policyKindPins[typeName] ?? [])],
  ].filter((pin) => pin !== undefined);
}

test("what has grown was pinned before", () => {
  const grown = [grownPins, grownHierarchyPins, otherQuotaPins, policyKindPins].flatMap(Object.keys);
  expect(grown.filter((name) => !(name in firstPins))).toEqual([]);
});

describe.each(pinned.filter(({ typeName }) => typeName in firstPins))("$typeName", (desc) => {
  const pins = pinsOf(desc);
  const changed = `${desc.typeName} has another wire form than the one that logs already hold. Keep the form; say new things in new fields or new events`;

  test.each(pins)("is written as the pinned bytes", ({ json, hex }) => {
    expect(Buffer.from(toBinary(desc, fromJson(desc, json))).toString("hex"), changed).toBe(hex);
  });

  test.each(pins)("is read from the pinned bytes as the pinned JSON", ({ json, hex }) => {
    expect(toJson(desc, fromBinary(desc, Buffer.from(hex, "hex"))), changed).toEqual(json);
  });

  test("has every field in its pin", () => {
    const missing = pins.map(({ json }) => unpinnedFields(desc, json, desc.name));
    const advice = "a new field needs another pin of its message in grown-pins.ts; those that are there never change";
    expect(
      missing[0]?.filter((name) => missing.every((names) => names.includes(name))),
      advice,
    ).toEqual([]);
  });
});

/** The fields, down to the last message, that the pinned JSON does not fill in. */
function unpinnedFields(desc: DescMessage, json: JsonValue, path: string): string[] {
  const record = typeof json === "object" && json !== null && !Array.isArray(json) ? json : {};
  return desc.fields.flatMap((field) => {
    const here = `${path}.${field.jsonName}`;
    const value = record[field.jsonName];
    if (value === undefined) return [here];
    // What has pins of its own is filled in there.
    if (!field.message || field.message.typeName in firstPins) return [];
    // Of a list, one item with the field is enough: some hold fields that others must not.
    const items: JsonValue[] = Array.isArray(value) ? value : [value];
    const { message } = field;
    const missing = items.map((item) => unpinnedFields(message, item, here));
    return (missing[0] ?? [here]).filter((name) => missing.every((names) => names.includes(name)));
  });
}
