// Which bytes stand before a field depends on its number. A wrong tag would put a text into another column of every bill, or make
// a fact that nobody can read, so messages with fields on both sides of each limit are printed here and read by the library.

import { create, createFileRegistry, fromBinary, type DescMessage } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bodyOf, factTextCharsMax, printBody, reserve, type Out } from "./flat-printer.ts";

const { STRING, UINT64, BOOL } = FieldDescriptorProto_Type;

/** A message that has a field of the type at each of the numbers. */
function messageWith(fields: Readonly<Record<number, FieldDescriptorProto_Type>>): DescMessage {
  const label = FieldDescriptorProto_Label.OPTIONAL;
  const field = Object.entries(fields).map(([number, type]) => {
    return { name: `f${number}`, jsonName: `f${number}`, number: Number(number), label, type };
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
      const out: Out = { bytes: Buffer.alloc(8), at: 0 };
      reserve(out, body.bytesMax);
      printBody(out, body, values);
      expect(out.at).toBeLessThanOrEqual(body.bytesMax);
      const read = fromBinary(desc, out.bytes.subarray(0, out.at));
      expect(read).toEqual(create(desc, values));
    }),
  );
});

test("the longest text that a fact takes fills exactly what was kept for it", () => {
  const body = bodyOf(messageWith({ 16: STRING }));
  const out: Out = { bytes: Buffer.alloc(body.bytesMax), at: 0 };
  printBody(out, body, { f16: "\u{ffff}".repeat(factTextCharsMax + 1) });
  expect(out.at).toBe(body.bytesMax);
});

test("a field that it cannot print is refused when it is compiled, and not with the first fact", () => {
  expect(() => bodyOf(messageWith({ 2_048: STRING }))).toThrow("f2048");
  expect(() => bodyOf(messageWith({ 1: BOOL }))).toThrow("f1");
});
