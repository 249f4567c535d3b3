// Which bytes stand before a field depends on its number. A wrong tag would put a text into another column of every bill, or make
// a fact that nobody can read, so messages with fields on both sides of each limit are printed here and read by the library.

import { create, createFileRegistry, fromBinary, type DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bodyOf, countMax, factItemCharsMax, factListItemsMax, factTextCharsMax } from "./flat-printer.ts";
import { messageBytesMax, printBody, printMessage, reserve, type Body, type Out } from "./flat-printer.ts";

const { STRING, UINT64, BOOL, DOUBLE } = FieldDescriptorProto_Type;
const { OPTIONAL, REPEATED } = FieldDescriptorProto_Label;

/** A message that has a field of the type at each of the numbers. */
function messageWith(
  fields: Readonly<Record<number, FieldDescriptorProto_Type>>,
  label = OPTIONAL,
  nameOf = (number: string): string => `f${number}`,
): DescMessage {
  const field = Object.entries(fields).map(([number, type]) => {
    return { name: nameOf(number), jsonName: nameOf(number), number: Number(number), label, type };
  });
  const file = create(FileDescriptorProtoSchema, {
    ...{ name: "printed.proto", package: "printed", syntax: "proto3", messageType: [{ name: "Printed", field }] },
  });
  const set = create(FileDescriptorSetSchema, { file: [file] });
  const desc = createFileRegistry(set).getMessage("printed.Printed");
  if (desc === undefined) throw new Error("no message");
  return desc;
}

const text = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
  fc.constant("\u{ffff}".repeat(factTextCharsMax)),
);
const number = fc.bigInt({ min: 1n, max: BigInt(Number.MAX_SAFE_INTEGER) });

function printed(body: Body, values: object): Buffer {
  const out: Out = { bytes: Buffer.alloc(8), at: 0 };
  reserve(out, body.bytesMax);
  printBody(out, body, values);
  expect(out.at).toBeLessThanOrEqual(body.bytesMax);
  return out.bytes.subarray(0, out.at);
}

test("texts and numbers at fields of one byte and of two are what the library reads, and take no more than was said", () => {
  const desc = messageWith({
    ...{ 1: STRING, 15: STRING, 16: STRING, 127: STRING, 128: STRING, 2_047: STRING },
    ...{ 2: UINT64, 14: UINT64, 17: UINT64, 126: UINT64, 129: UINT64, 2_046: UINT64 },
  });
  const body = bodyOf(desc);
  const ofText = { f1: text, f15: text, f16: text, f127: text, f128: text, f2047: text };
  const ofNumber = { f2: number, f14: number, f17: number, f126: number, f129: number, f2046: number };
  fc.assert(
    fc.property(fc.record({ ...ofText, ...ofNumber }, { requiredKeys: [] }), (values) => {
      const read = fromBinary(desc, printed(body, values));
      expect(read).toEqual(create(desc, values));
    }),
  );
});

test("a count beyond what a number holds is printed to the last digit, and from where a database ends as that", () => {
  const desc = messageWith({ 2: UINT64, 2_046: UINT64 });
  const body = bodyOf(desc);
  const long = fc.bigInt({ min: BigInt(Number.MAX_SAFE_INTEGER), max: countMax });
  fc.assert(
    fc.property(fc.record({ f2: long, f2046: long }), (values) => {
      expect(fromBinary(desc, printed(body, values))).toEqual(create(desc, values));
    }),
  );
  const most = create(desc, { f2: countMax, f2046: countMax });
  for (const beyond of [countMax + 1n, 2n ** 80n, 2 ** 80, Infinity])
    expect(fromBinary(desc, printed(body, { f2: beyond, f2046: countMax }))).toEqual(most);
  for (const none of [-1, -1n, 0.5, NaN]) expect(() => printed(body, { f2: none })).toThrow("f2 is");
});

test("claims and lists of texts are what the library reads", () => {
  const item = fc.string({ unit: "grapheme", maxLength: 60 }).filter((text) => text.length <= factItemCharsMax);
  const texts = fc.array(item, { maxLength: 20 });
  const lists = messageWith({ 1: STRING, 16: STRING }, REPEATED);
  const claims = messageWith({ 15: BOOL, 2_047: BOOL });
  fc.assert(
    fc.property(fc.record({ f1: texts, f16: texts }), (values) => {
      expect(fromBinary(lists, printed(bodyOf(lists), values))).toEqual(create(lists, values));
    }),
  );
  for (const values of [{ f15: true }, { f2047: true }, { f15: false, f2047: true }, {}])
    expect(fromBinary(claims, printed(bodyOf(claims), values))).toEqual(create(claims, values));
});

test("a list is cut where it is full: so many items, so many characters of each, and fewer where they are wide", () => {
  const lists = messageWith({ 16: STRING }, REPEATED);
  const body = bodyOf(lists);
  const read = (items: string[]) => Reflect.get(fromBinary(lists, printed(body, { f16: items })), "f16");
  const long = "x".repeat(factItemCharsMax + 1);
  expect(read(Array.from({ length: 1_000 }, () => long))).toEqual(
    Array.from({ length: factListItemsMax }, () => "x".repeat(factItemCharsMax)),
  );
  const wide = "\u{ffff}".repeat(factItemCharsMax);
  expect(read(["first", ...Array.from({ length: 1_000 }, () => wide)])).toEqual([
    "first",
    ...Array.from({ length: 21 }, () => wide),
  ]);
});

test("a message within another is what the library reads, whether its length takes one byte, two or three", () => {
  const desc = messageWith({ 1: STRING, 2: STRING }, REPEATED);
  const body = bodyOf(desc);
  const around = (size: number) => Array.from({ length: 12 }, (_, n) => size - 6 + n);
  for (const size of [0, ...around(128), 8_000, ...around(16_384), 16_768]) {
    for (const number of [1, 15, 16, 2_047]) {
      const out: Out = { bytes: Buffer.alloc(messageBytesMax + body.bytesMax), at: 0 };
      // Items that are 131 bytes each in the message, and one of what is left.
      const all = "y".repeat(size);
      const items = Array.from({ length: Math.ceil(size / 131) }, (_, n) => all.slice(n * 131 + 3, (n + 1) * 131));
      const values = { f1: items.slice(0, factListItemsMax), f2: items.slice(factListItemsMax) };
      printMessage(out, number, body, values);
      const reader = new BinaryReader(out.bytes.subarray(0, out.at));
      expect(reader.tag()).toEqual([number, WireType.LengthDelimited]);
      expect(fromBinary(desc, reader.bytes())).toEqual(create(desc, values));
      expect(reader.pos).toBe(out.at);
    }
  }
});

test("of a message with fields that a caller never fills only the others are printed", () => {
  const desc = messageWith({ 1: STRING, 2: STRING });
  const body = bodyOf(desc, ({ number }) => number < 2);
  expect(fromBinary(desc, printed(body, { f1: "a", f2: "b" }))).toEqual(create(desc, { f1: "a" }));
});

test("the longest text that a fact takes fills exactly what was kept for it", () => {
  const body = bodyOf(messageWith({ 16: STRING }));
  const out: Out = { bytes: Buffer.alloc(body.bytesMax), at: 0 };
  printBody(out, body, { f16: "\u{ffff}".repeat(factTextCharsMax + 1) });
  expect(out.at).toBe(body.bytesMax);
});

test("a field that it cannot print is refused when it is compiled, and not with the first fact", () => {
  expect(() => bodyOf(messageWith({ 2_048: STRING }))).toThrow("f2048");
  expect(() => bodyOf(messageWith({ 1: DOUBLE }))).toThrow("f1");
  expect(() => bodyOf(messageWith({ 1: UINT64 }, REPEATED))).toThrow("f1");
});

test("names of accounts that come again are what the library reads, however many there were between them", () => {
  const desc = messageWith({ 16: STRING }, REPEATED, () => "accounts");
  const body = bodyOf(desc);
  const out: Out = { bytes: Buffer.alloc(body.bytesMax), at: 0 };
  const accountsOf = (index: number): string[] =>
    [index, index % 7].map((of) => `budget/${"0".repeat(36)}/${of}/${of % 2 === 0 ? "total" : "t\u{f6}tal"}`);
  for (let index = 0; index < 2_500; index++) {
    // Of what was printed before nothing is left in it.
    out.bytes.fill(0xff);
    out.at = 0;
    const accounts = accountsOf(index % 1_200);
    printBody(out, body, { accounts });
    expect(fromBinary(desc, out.bytes.subarray(0, out.at))).toEqual(create(desc, { accounts }));
  }
});
