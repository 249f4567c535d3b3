// The envelope: what is sealed opens only with its key and under its own name.

import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { DoesNotOpen, masterKeyBytes, open, seal } from "./envelope.ts";

const masterKey = randomBytes(masterKeyBytes);
const name = { id: "a", version: 1 };
const value = Buffer.from("a value that is planted");

test("what was sealed opens again, and no byte of it stands in the row", () => {
  const row = seal(masterKey, name, value);
  expect(Buffer.from(open(masterKey, name, row))).toEqual(value);
  expect(Buffer.from(row.sealed).includes("planted")).toBe(false);
});

test("two rows of one value have nothing in common", () => {
  expect(seal(masterKey, name, value).sealed).not.toEqual(seal(masterKey, name, value).sealed);
});

test("a row that was copied over another secret's or an older version's does not open", () => {
  const row = seal(masterKey, name, value);
  expect(() => open(masterKey, { id: "b", version: 1 }, row)).toThrow(DoesNotOpen);
  expect(() => open(masterKey, { id: "a", version: 2 }, row)).toThrow(DoesNotOpen);
  expect(() => open(randomBytes(masterKeyBytes), name, row)).toThrow(DoesNotOpen);
});

test("one flipped bit anywhere, or a missing end, is noticed", () => {
  const row = seal(masterKey, name, value);
  for (const part of ["wrappedKey", "sealed"] as const) {
    for (let at = 0; at < row[part].length; at++) {
      const bytes = Buffer.from(row[part]);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      expect(() => open(masterKey, name, { ...row, [part]: bytes })).toThrow(DoesNotOpen);
    }
    for (const end of [0, 5, row[part].length - 1])
      expect(() => open(masterKey, name, { ...row, [part]: row[part].subarray(0, end) })).toThrow(DoesNotOpen);
  }
});
