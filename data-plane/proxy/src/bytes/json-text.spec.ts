// Through a window a text ends where it ends byte by byte: else a long body's text would end elsewhere for the gate than for
// its provider. Windows are met at every place: in the middle of an escape, at the quote, behind the last byte, taken by another.

import * as fc from "fast-check";
import { expect, test } from "vitest";

import { collectGarbage } from "../../../../test/support/collect-garbage.ts";
import { seedFromEnv } from "../../../../test/support/random.ts";
import { endOfPlain, windowOf } from "./json-text.ts";
import { TextWindow } from "./text-window.ts";

const seed = seedFromEnv();

const plain = fc.constantFrom(0x20, 0x21, 0x23, 0x41, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff);
const special = fc.constantFrom(0x00, 0x1f, 0x22, 0x5c, 0x6e, 0x75);
const text = fc
  .tuple(fc.constantFrom(1, 12), fc.constantFrom(0, 4))
  .chain(([plains, backslashes]) =>
    fc.array(
      fc.oneof(
        { weight: plains, arbitrary: plain },
        { weight: 1, arbitrary: special },
        { weight: backslashes, arbitrary: fc.constant(0x5c) },
      ),
      { maxLength: 96 },
    ),
  )
  .map((codes) => Uint8Array.from(codes));

test("large and small are read alike, wherever they begin and end", () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 64 });
  fc.assert(
    fc.property(fc.oneof(text, bytes), fc.nat(20), fc.nat(20), (content, before, behind) => {
      const all = Uint8Array.from([...new Uint8Array(before), ...content, ...new Uint8Array(behind).fill(0x22)]);
      const end = before + content.length;
      const ought = endOfPlain(all, undefined, before, end);
      expect(endOfPlain(all, new TextWindow(all, end), before, end)).toBe(ought);
    }),
    { seed, numRuns: 20_000 },
  );
});

test("of a row of backslashes each other one begins an escape, however it lies to the sixteen bytes", () => {
  for (let before = 0; before < 34; before++)
    for (let row = 1; row < 70; row++)
      for (const next of ['"', "n", "a", "\n"]) {
        const all = Buffer.from(`${" ".repeat(before)}${"\\".repeat(row)}${next}more"`);
        expect(new TextWindow(all, all.length).endOfPlain(0)).toBe(endOfPlain(all, undefined, 0, all.length));
      }
});

test("where one window ends and the next begins nothing is lost and nothing is seen twice", () => {
  // Where windows end, each twice as large as the one before, if nothing was read before them; the last three are the largest.
  for (const border of [1, 3, 7, 15, 31, 63, 127, 191, 255].map((kilobytes) => kilobytes * 1_024))
    for (const piece of ["\\n", "\\\\", '\\"', "\\\\\\n", '"', "\\u0041", "\n", "\\x"])
      for (let at = border - 5; at <= border + 1; at++) {
        const all = Buffer.from(`${"a".repeat(at)}${piece}${"b".repeat(100)}"`);
        const ought = endOfPlain(all, undefined, 0, all.length);
        expect(new TextWindow(all, all.length).endOfPlain(0), `${piece} at ${at}`).toBe(ought);
      }
});

test("who takes turns with another at the same memory reads its own bytes", () => {
  const longText = fc.tuple(text, fc.integer({ min: 1, max: 90 })).map(([piece, times]) => {
    const all = Buffer.alloc(piece.length * times + 1, 0x22);
    for (let nth = 0; nth < times; nth++) all.set(piece, nth * piece.length);
    return all;
  });
  fc.assert(
    fc.property(longText, longText, fc.array(fc.boolean(), { maxLength: 200 }), (first, second, turns) => {
      const readers = [first, second].map((all) => ({ all, window: new TextWindow(all, all.length), at: 0 }));
      for (const isFirst of turns) {
        const reader = readers[isFirst ? 0 : 1];
        if (reader === undefined || reader.at >= reader.all.length) continue;
        const end = reader.window.endOfPlain(reader.at);
        expect(end).toBe(endOfPlain(reader.all, undefined, reader.at, reader.all.length));
        reader.at = end + 1;
      }
    }),
    { seed, numRuns: 500 },
  );
});

test("a text ends at its quote, or where something has to be looked at", () => {
  const ends = (json: string) => endOfPlain(Buffer.from(json), undefined, 0, Buffer.byteLength(json));
  expect(["abc", '"', 'a\\"b"c', "a\\u0041", "a\\x", "a\nb", "a\\"].map(ends)).toEqual([3, 0, 4, 1, 1, 1, 1]);
});

test("only what is large is read through a window", () => {
  expect(windowOf(new Uint8Array(8_192), 0, 1_023)).toBeUndefined();
  expect(windowOf(new Uint8Array(8_192), 100, 1_124)).toBeInstanceOf(TextWindow);
});

test("a message that was read through a window is not kept by it", async () => {
  const read = (): WeakRef<ArrayBuffer> => {
    const bytes = new Uint8Array(100_000).fill(0x61);
    expect(new TextWindow(bytes, bytes.length).endOfPlain(0)).toBe(bytes.length);
    return new WeakRef(bytes.buffer);
  };
  const message = read();
  await collectGarbage();
  expect(message.deref()).toBeUndefined();
});
