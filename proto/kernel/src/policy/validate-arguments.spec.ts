// Arguments as a schema wants them. A keyword that is skipped in silence, or a number that is rounded before it is compared,
// would let through what the rule was written against.

import { expect, test } from "vitest";
import { policyOf, problemOf, subjectOf } from "./policy.fixture.ts";

function said(schema: unknown, args: string | undefined): string {
  const value = { schema: typeof schema === "string" ? schema : JSON.stringify(schema) };
  const answer = policyOf({ kind: { case: "validateArguments", value } }).judge(subjectOf(args));
  if (answer.outcome === "passes") return "passes";
  return answer.outcome === "refuses" ? answer.detail : answer.outcome;
}

const transfer = {
  type: "object",
  properties: {
    amount: { type: "integer", minimum: 1, maximum: 100 },
    to: { type: "string", pattern: "^acct-[0-9]{4}$" },
    tags: { type: "array", items: { enum: ["a", "b"] }, maxItems: 2 },
  },
  required: ["amount", "to"],
  additionalProperties: false,
};

test.each([
  ['{"amount":100,"to":"acct-0001","tags":["a"]}', "passes"],
  ['{"amount":101,"to":"acct-0001"}', "`/amount` is more than 100."],
  ['{"amount":1.5,"to":"acct-0001"}', "`/amount` is not of the type integer."],
  ['{"amount":1.0,"to":"acct-0001"}', "passes"],
  ['{"to":"acct-0001"}', "`/amount` is missing."],
  ['{"amount":1,"to":"acct-1"}', "`/to` does not match the pattern."],
  ['{"amount":1,"to":"acct-0001","tags":["c"]}', "`/tags/0` is none of the values that are allowed."],
  ['{"amount":1,"to":"acct-0001","tags":["a","b","a"]}', "`/tags` has more than 2 items."],
  ['{"amount":1,"to":"acct-0001","as":"root"}', "`/as` must not be there."],
  [undefined, "`/amount` is missing."],
])("arguments %s: %s", (args, expected) => {
  expect(said(transfer, args)).toBe(expected);
});

test("what two readers could take for different arguments is not valid, whatever the schema says", () => {
  expect(said(true, '{"path":"/tmp","path":"/etc"}')).toMatch(/twice/);
  expect(said(true, '{"path":"/tmp","Path":"/etc"}')).toMatch(/twice/);
  expect(said(true, '{"pa\\u0074h":"/tmp","path":"/etc"}')).toMatch(/twice/);
  expect(said(true, "[1]")).toMatch(/no object/);
});

test("numbers are compared as they were written", () => {
  const atMost = (maximum: string) => `{"properties":{"n":{"maximum":${maximum}}}}`;
  expect(said(atMost("9007199254740992"), '{"n":9007199254740992}')).toBe("passes");
  expect(said(atMost("9007199254740992"), '{"n":9007199254740993}')).toMatch(/more than/);
  expect(said(atMost("9007199254740992"), '{"n":100000000000000000000000}')).toMatch(/held exactly/);
  expect(said('{"properties":{"n":{"const":9007199254740993}}}', '{"n":9007199254740992}')).toMatch(/not the one/);
  expect(said('{"properties":{"n":{"const":1}}}', '{"n":1.0}')).toBe("passes");
});

test("several schemas at once", () => {
  const either = { anyOf: [{ required: ["a"] }, { required: ["b"] }], not: { required: ["c"] } };
  expect(said(either, '{"b":1}')).toBe("passes");
  expect(said(either, "{}")).toBe("It is nothing of what is allowed.");
  expect(said(either, '{"a":1,"c":1}')).toBe("It is what is not allowed.");
});

test("a check that would go on for long ends, and says no", () => {
  const anyOf = Array.from({ length: 900 }, (_, index) => ({ const: index }));
  const list = JSON.stringify({ l: Array.from({ length: 20_000 }, () => -1) });
  expect(said({ properties: { l: { items: { not: { anyOf } } } } }, list)).toMatch(/too long/);
});

test.each<[string, string, RegExp]>([
  ["what is no JSON", "{", /not JSON/],
  ["a keyword that is not known", '{"minimun":1}', /`\/minimun` is not known/],
  ["a reference", '{"properties":{"a":{"$ref":"#"}}}', /`\/properties\/a\/\$ref` is not known/],
  ["a format", '{"format":"email"}', /not known/],
  ["a type that does not exist", '{"type":"text"}', /names no type/],
  ["a pattern that would have to go back", '{"pattern":"(a)\\\\1"}', /RE2/],
  ["a list of schemas without one", '{"anyOf":[]}', /not a list/],
])("refused: %s", (_, schema, message) => {
  const problem = problemOf({ kind: { case: "validateArguments", value: { schema } } });
  expect(problem).toMatchObject({ field: "validateArguments.schema", message: expect.stringMatching(message) });
});
