// What is hashed, compared and looked through of a definition. Two planes must come to the same text for the same tool, or what
// an admin approved would stay in quarantine; and what a server changes must never give the text that it had.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "./limits.ts";
import { canonicalDefinition, definitionDifference, hiddenCharacters } from "./tool-definition.ts";

/** The same value in another spelling: members turned round, spaces, every letter escaped. */
function respelled(value: unknown): string {
  if (typeof value === "string")
    return `"${Array.from({ length: value.length }, (_, at) => `\\u${value.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")}"`;
  if (Array.isArray(value)) return `[ ${value.map(respelled).join(" ,\n")} ]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toReversed();
  return `{\t${members.map(([name, part]) => `${respelled(name)} : ${respelled(part)}`).join(" , ")}\r\n}`;
}

const definition = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ stringUnit: "binary" }));

describe("the canonical text", () => {
  test("is the same for every spelling of the same, and says all of it", () => {
    fc.assert(
      fc.property(definition, (value) => {
        const text = canonicalDefinition(JSON.stringify(value));
        expect(canonicalDefinition(respelled(value))).toBe(text);
        expect(JSON.parse(text ?? "")).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test.each([
    [
      ' {"b": [1.0, 12345678901234567890, {"z":"\\u0061","a":null}], "a":"\\/"}',
      '{"a":"/","b":[1.0,12345678901234567890,{"a":null,"z":"a"}]}',
    ],
    ['{"a":2,"a":1,"A":"\\ud800"}', '{"A":"\\ud800","a":2,"a":1}'],
    ["{}", "{}"],
  ])("%s: %s", (json, text) => {
    expect(canonicalDefinition(json)).toBe(text);
  });

  test.each(["", "[]", "1", '"x"', "{", '{"a":1,}', "{'a':1}", `{"a":${"[".repeat(200)}${"]".repeat(200)}}`])(
    "is none of %j",
    (json) => {
      expect(canonicalDefinition(json)).toBeUndefined();
    },
  );
});

describe("the difference", () => {
  const between = (before: unknown, after: unknown) =>
    definitionDifference(JSON.stringify(before), JSON.stringify(after));

  test("names what changed, came and went, each at its place", () => {
    const before = {
      name: "read",
      inputSchema: { properties: { path: { type: "string" } }, required: ["path", "all"] },
    };
    const after = {
      inputSchema: { properties: { path: { type: ["string"] }, "a/b~": {} }, required: ["path"] },
      name: "read",
      description: "new",
    };
    expect(between(before, after)).toEqual({
      isWhole: true,
      changes: [
        { path: "/inputSchema/properties/path/type", before: '"string"', after: '["string"]' },
        { path: "/inputSchema/properties/a~1b~0", before: undefined, after: "{}" },
        { path: "/inputSchema/required/1", before: '"all"', after: undefined },
        { path: "/description", before: undefined, after: '"new"' },
      ],
    });
  });

  test("is empty exactly where the canonical texts are the same", () => {
    fc.assert(
      fc.property(definition, definition, (a, b) => {
        expect(definitionDifference(JSON.stringify(a), respelled(a)).changes).toEqual([]);
        const [one, other] = [a, b].map((value) => canonicalDefinition(JSON.stringify(value)));
        expect(between(a, b).changes.length > 0).toBe(one !== other);
      }),
    );
    expect(definitionDifference('{"a":1,"a":2}', '{"a":3,"a":2}').changes).toHaveLength(1);
  });

  test("is bounded, and says so", () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`m${index}`, "x".repeat(5_000)]));
    const { changes, isWhole } = between({}, many);
    expect([changes.length, isWhole]).toEqual([limits.definitionChangesMax, false]);
    expect(changes[0]?.after).toHaveLength(limits.definitionTextCharsMax + 1);
  });
});

describe("hidden characters", () => {
  const found = (text: string) =>
    hiddenCharacters(JSON.stringify({ description: text })).flatMap((one) => one.codePoints);

  test.each([
    ["a zero-width space", "a\u200bb", [0x200b]],
    ["a right-to-left override", "\u202etxt", [0x202e]],
    ["isolates", "\u2066x\u2069", [0x2066, 0x2069]],
    ["tags, which spell words that nobody sees", "x\u{e0068}\u{e0069}", [0xe0068, 0xe0069]],
    ["variation selectors, which carry bytes", "x\ufe0f\u{e0101}", [0xfe0f, 0xe0101]],
    ["a joiner where nothing is joined", "a\u200db", [0x200d]],
    ["a terminal's escape", "\u001b[8m", [0x1b]],
    ["a byte order mark", "\ufeff", [0xfeff]],
    ["half a character", "\ud83d", [0xd83d]],
  ])("%s", (_, text, codePoints) => {
    expect(found(text)).toEqual(codePoints);
  });

  test("are not those of writing and of emoji", () => {
    for (const text of ["Zażółć\n\tgęślą — “jaźń” …", "日本語 हिन्दी עברית", "⚠️ 👨‍👩‍👧 1️⃣ 👍🏽 ❤️‍🔥 🏳️‍🌈"])
      expect(found(text), text).toEqual([]);
  });

  test("are told with their place, also in the names of members", () => {
    const json = JSON.stringify({ name: "x", inputSchema: { properties: { "p\u00ad": { enum: ["ok", "\u200e"] } } } });
    expect(hiddenCharacters(json)).toEqual([
      { path: "/inputSchema/properties/p\u00ad", codePoints: [0xad] },
      { path: "/inputSchema/properties/p\u00ad/enum/1", codePoints: [0x200e] },
    ]);
    expect(hiddenCharacters("no JSON")).toEqual([]);
  });
});
