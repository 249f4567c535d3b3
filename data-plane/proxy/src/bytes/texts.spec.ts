// Texts within JSON: each is found whatever stands around it, and what was not changed keeps its bytes. One that is missed
// leaks; a byte that moves breaks what was signed.

import fc from "fast-check";
import { expect, test } from "vitest";
import { seedFromEnv } from "../../../../test/support/random.ts";
import { changedTexts } from "./texts.ts";

function changed(text: string): string | undefined {
  const bytes = Buffer.from(text);
  const rules = {
    start: "all",
    within: (mode: string, member: string) => (member === "kept" ? undefined : mode),
    change: (value: string) => (value.includes("x") ? value.replaceAll("x", "-") : undefined),
  };
  return changedTexts(bytes, { start: 0, end: bytes.length }, rules)?.toString();
}

test.each([
  ['"x"', '"-"'],
  ['{ "x" : "ax" , "b":[1.50, "x",{"c":"\\u0078\\""}] }', '{ "x" : "a-" , "b":[1.50, "-",{"c":"-\\""}] }'],
  ['{"kept":"x","a":{"kept":["x",{"b":"x"}]},"c":"x"}', '{"kept":"x","a":{"kept":["x",{"b":"x"}]},"c":"-"}'],
  ['["\\\\","x"]', '["\\\\","-"]'],
])("%s becomes %s", (text, expected) => {
  expect(changed(text)).toBe(expected);
});

test("a value without one of them is left alone", () => {
  for (const text of ["[]", "{}", '"a"', '{"x":1}', "1", '{"a":{"b":["c"]}}'])
    expect(changed(text), text).toBeUndefined();
});

test("any value comes out as it would by parsing it, and printing what changed", () => {
  const all = (value: unknown): unknown => {
    if (typeof value === "string") return value.replaceAll("x", "-");
    if (Array.isArray(value)) return value.map(all);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, name === "kept" ? one : all(one)]));
  };
  const value = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(value, fc.nat(3), (one, indent) => {
      const text = JSON.stringify(one, undefined, indent);
      expect(JSON.parse(changed(text) ?? text)).toEqual(all(JSON.parse(text)));
    }),
    { seed: seedFromEnv() },
  );
});
