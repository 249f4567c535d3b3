// A key survives being written down, and no single slip makes another key of it: a typing error must be refused before
// anything is looked up.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { idBytes, idFromBytes } from "./ids.ts";
import { formatKey, keyKinds, keyTextChars, parseKey, secretBytes } from "./key-format.ts";

const kinds = fc.constantFrom(...keyKinds);
const ids = fc.uint8Array({ minLength: idBytes, maxLength: idBytes }).map(idFromBytes);
const secrets = fc.uint8Array({ minLength: secretBytes, maxLength: secretBytes });
const texts = fc.tuple(kinds, ids, secrets).map(([kind, id, secret]) => formatKey(kind, id, secret));
const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));

describe("a key's text", () => {
  test("is read back as what it was made of, in one length for its kind", () => {
    fc.assert(
      fc.property(kinds, ids, secrets, (kind, id, secret) => {
        const text = formatKey(kind, id, secret);
        expect(text).toHaveLength(keyTextChars(kind));
        expect(parseKey(text)).toEqual({ kind, id, text });
      }),
    );
  });

  test("holds all 256 bits of its secret", () => {
    fc.assert(
      fc.property(ids, secrets, secrets, (id, a, b) => {
        fc.pre(a.some((byte, i) => byte !== b[i]));
        expect(formatKey("key", id, a)).not.toBe(formatKey("key", id, b));
      }),
    );
    const ends = [new Uint8Array(32), new Uint8Array(32).fill(255)].map((secret) =>
      formatKey("key", "0".repeat(16), secret),
    );
    for (const text of ends) expect(parseKey(text)?.text).toBe(text);
  });

  test("with any one character replaced is refused: every place, every printable character", () => {
    fc.assert(
      fc.property(texts, (text) => {
        for (let at = 0; at < text.length; at++)
          for (const character of printable)
            if (character !== text[at])
              expect(parseKey(text.slice(0, at) + character + text.slice(at + 1))).toBeUndefined();
      }),
      { numRuns: 10 },
    );
  });

  test("with a character lost, doubled or added, or with two neighbours swapped, is refused", () => {
    fc.assert(
      fc.property(texts, (text) => {
        for (let at = 0; at < text.length; at++) {
          expect(parseKey(text.slice(0, at) + text.slice(at + 1))).toBeUndefined();
          expect(parseKey(text.slice(0, at) + text.slice(at, at + 1) + text.slice(at))).toBeUndefined();
          const swapped = text.slice(0, at) + text.slice(at + 1, at + 2) + text.slice(at, at + 1) + text.slice(at + 2);
          if (swapped !== text) expect(parseKey(swapped)).toBeUndefined();
        }
        for (const padded of [` ${text}`, `${text} `, `${text}\n`, `Bearer ${text}`])
          expect(parseKey(padded)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test("is nothing that an arbitrary text hits, however near its form", () => {
    const near = fc.stringMatching(/^tg_(key|svc|adm|join)_[0-9a-z]{16}_[0-9A-Za-z]{49}$/);
    fc.assert(
      fc.property(fc.oneof(near, fc.string(), fc.string({ unit: "binary", minLength: 75, maxLength: 75 })), (text) => {
        // A hit by chance is one in sixty thousand million.
        expect(parseKey(text)).toBeUndefined();
      }),
      { numRuns: 5_000 },
    );
  });
});

test("a key is not made of a bad id or a short secret", () => {
  expect(() => formatKey("key", "not-an-id", new Uint8Array(32))).toThrow("well-formed id");
  expect(() => formatKey("key", "0".repeat(16), new Uint8Array(31))).toThrow("not 31");
});
