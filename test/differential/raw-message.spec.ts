// An observation is only worth as much as the texts in it: a member that is cut wrongly would let two different answers pass
// for the same.
import fc from "fast-check";
import { expect, test } from "vitest";
import { seedFromEnv } from "../support/random.ts";
import { arrayItems, memberText } from "./raw-message.ts";

test.each([
  ['{"id":1,"result":{"a":[1,{"b":"}"}]},"jsonrpc":"2.0"}', '{"a":[1,{"b":"}"}]}'],
  [' { "result" :\t1.0e2 , "id":1}', "1.0e2"],
  [String.raw`{"re\u0073ult":"\"\\"}`, String.raw`"\"\\"`],
  ['{"id":{"result":2},"result":null}', "null"],
  ['{"error":{"result":1}}', undefined],
  ["{}", undefined],
])("the result of %s", (text, expected) => {
  expect(memberText(text, "result")).toBe(expected);
});

test("a member's text is the one that was written, whatever stands around it", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (others, value) => {
      const { result: _, ...before } = others;
      const text = JSON.stringify({ ...before, result: value, ...before });
      expect(memberText(text, "result")).toBe(JSON.stringify(value));
    }),
    { seed: seedFromEnv() },
  );
});

test("the items of an array are those that were written", () => {
  expect(arrayItems(' [ 1.0 ,\t"]," , {"a":[2]},[] ] ')).toEqual(["1.0", '"],"', '{"a":[2]}', "[]"]);
  expect(arrayItems("[]")).toEqual([]);
});
