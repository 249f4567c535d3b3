// An id holds all its random bits, and nothing that is no id passes for one; names need no escaping anywhere.

import fc from "fast-check";
import { expect, test } from "vitest";
import { idBytes, idFromBytes, isId, isName, scopeOf } from "./ids.ts";
import { limits } from "./limits.ts";

const bytes = fc.uint8Array({ minLength: idBytes, maxLength: idBytes });

test("ids are well-formed, and differ where their bytes do", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(isId(idFromBytes(a))).toBe(true);
      expect(idFromBytes(a) === idFromBytes(b)).toBe(a.every((byte, i) => byte === b[i]));
    }),
  );
});

test("ids sort as their bytes do, and are pinned", () => {
  expect(idFromBytes(new Uint8Array(10))).toBe("0000000000000000");
  expect(idFromBytes(new Uint8Array(10).fill(255))).toBe("zzzzzzzzzzzzzzzz");
  expect(idFromBytes(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9))).toBe("000g40r40m30e209");
});

test("an id is made of ten bytes and no other number", () => {
  for (const length of [0, 9, 11]) expect(() => idFromBytes(new Uint8Array(length))).toThrow(`not ${length}`);
});

test.each([
  "",
  "000000000000000",
  "00000000000000000",
  "000000000000000O",
  "000000000000000i",
  "000000000000000u",
  "0000000000000000\n",
  "00000000 0000000",
])("%j is no id", (text) => {
  expect(isId(text)).toBe(false);
});

test.each(["a", "0", "alice-laptop", "a.b_c-d", "x".repeat(limits.nameCharsMax)])("%j is a name", (text) => {
  expect(isName(text)).toBe(true);
});

test.each([
  "",
  "-a",
  "a-",
  ".",
  "..",
  "A",
  "a b",
  "a/b",
  "ä",
  "a\n",
  "a*",
  "group:a",
  "x".repeat(limits.nameCharsMax + 1),
])("%j is no name", (text) => {
  expect(isName(text)).toBe(false);
});

test("a scope is kind and id", () => {
  expect(scopeOf("key", "a")).toBe("key/a");
});
