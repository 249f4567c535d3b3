// Eight bytes at a time find the same end as one at a time: where they do not, a long body's text would end elsewhere for the
// gate than for its provider.

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { seedFromEnv } from "../../../../test/support/random.ts";
import { endOfPlain, wordsOf } from "./json-text.ts";

const seed = seedFromEnv();

test("large and small are read alike, wherever they begin and end", () => {
  const plain = fc.constantFrom(0x20, 0x21, 0x23, 0x41, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff);
  const special = fc.constantFrom(0x00, 0x1f, 0x22, 0x5c, 0x6e, 0x75);
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 64 });
  const text = fc
    .array(fc.oneof({ weight: 12, arbitrary: plain }, { weight: 1, arbitrary: special }), { maxLength: 64 })
    .map((codes) => Uint8Array.from(codes));
  fc.assert(
    fc.property(fc.oneof(text, bytes), fc.nat(8), fc.nat(8), (content, before, behind) => {
      const all = Uint8Array.from([...new Uint8Array(before), ...content, ...new Uint8Array(behind).fill(0x22)]);
      const end = before + content.length;
      const words = new DataView(all.buffer, all.byteOffset, all.byteLength);
      expect(endOfPlain(all, words, before, end)).toBe(endOfPlain(all, undefined, before, end));
    }),
    { seed, numRuns: 20_000 },
  );
});

test("a text ends at its quote, or where something has to be looked at", () => {
  const ends = (text: string) => endOfPlain(Buffer.from(text), undefined, 0, Buffer.byteLength(text));
  expect(["abc", '"', 'a\\"b"c', "a\\u0041", "a\\x", "a\nb", "a\\"].map(ends)).toEqual([3, 0, 4, 1, 1, 1, 1]);
});

test("only what is large is read eight bytes at a time", () => {
  expect(wordsOf(new Uint8Array(8_192), 100)).toBeUndefined();
  expect(wordsOf(new Uint8Array(8_192).subarray(1), 8_191)?.byteOffset).toBe(1);
});
