// What is taken out of texts. A pattern that is taken here and cannot be kept to, because it needs for ever or an answer comes
// in pieces, would be believed in and let the secret through.

import { RedactDirection, RedactOf } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { policyOf, problemOf, subjectOf } from "./policy.fixture.ts";
import { redactedText } from "./redact.ts";
import type { Redaction } from "./answer.ts";

const usual = {
  of: RedactOf.TOOLS,
  direction: RedactDirection.BOTH,
  patterns: ["sk-[a-z0-9]{4,}"],
  replacement: "[key]",
};

function redactionOf(value: Partial<typeof usual>): Redaction {
  const answer = policyOf({ kind: { case: "redact", value: { ...usual, ...value } } }).judge(subjectOf());
  if (answer.outcome !== "redacts") throw new Error(`it ${answer.outcome}`);
  return answer.redaction;
}

test("each match goes, the rest stays, and a text without one is left alone", () => {
  const redaction = redactionOf({ patterns: ["sk-[a-z0-9]{4,}", "[0-9]{3}-[0-9]{2}-[0-9]{4}"] });
  expect(redactedText(redaction, "sk-abcd and sk-efgh9, 123-45-6789.")).toBe("[key] and [key], [key].");
  expect(redactedText(redaction, "sk-abc")).toBeUndefined();
  expect(redactedText(redaction, "")).toBeUndefined();
});

test("a replacement is written as it stands, whatever signs are in it", () => {
  expect(redactedText(redactionOf({ replacement: "$0$1\\1$&" }), "a sk-abcd b")).toBe("a $0$1\\1$& b");
});

test("text that makes others go back again and again costs no more than other text", () => {
  // With JavaScript's own expressions this takes longer than the universe has been there.
  const redaction = redactionOf({ patterns: ["(x+x+)+y"] });
  expect(redactedText(redaction, "x".repeat(50_000))).toBeUndefined();
  expect(redactedText(redaction, `${"x".repeat(50_000)}y`)).toBe("[key]");
});

test.each<[string, Partial<typeof usual>, string, RegExp]>([
  ["no pattern", { patterns: [] }, "redact.patterns", /there is none/],
  ["what is no expression", { patterns: ["(a"] }, "redact.patterns[0]", /RE2/],
  ["a reference back, which needs more than a pass", { patterns: ["(a)\\1"] }, "redact.patterns[0]", /RE2/],
  ["a look ahead", { patterns: ["a(?=b)"] }, "redact.patterns[0]", /RE2/],
  ["what becomes too large", { patterns: ["(a|b|c){1000}"] }, "redact.patterns[0]", /too large/],
  ["what stands everywhere", { patterns: ["a*"] }, "redact.patterns[0]", /empty/],
  ["what takes out its own replacement", { patterns: ["key"] }, "redact.patterns[0]", /replacement/],
  ["no direction", { direction: RedactDirection.UNSPECIFIED }, "redact.direction", /neither/],
  ["texts of nothing", { of: RedactOf.UNSPECIFIED }, "redact.of", /neither/],
  ["answers of models, which come in pieces", { of: RedactOf.MODELS }, "redact.direction", /pieces/],
])("refused: %s", (_, value, field, message) => {
  const problem = problemOf({ kind: { case: "redact", value: { ...usual, ...value } } });
  expect(problem).toMatchObject({ field, message: expect.stringMatching(message) });
});
