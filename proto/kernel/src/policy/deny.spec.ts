// A rule that says no says it to every call that it is about, with the words of who wrote it.

import { expect, test } from "vitest";
import { limits } from "../limits.ts";
import { policyOf, problemOf, subjectOf } from "./policy.fixture.ts";

test("it refuses with its own message, and reads nothing of the call", () => {
  const { judge } = policyOf({ kind: { case: "deny", value: { message: "Ask the platform team." } } });
  const unread = subjectOf(undefined, {
    argumentsText: () => {
      throw new Error("the arguments were read");
    },
  });
  expect(judge(unread)).toEqual({ outcome: "refuses", code: "policy.denied", detail: "Ask the platform team." });
});

test("a message without bound is not taken", () => {
  const message = "x".repeat(limits.policyMessageCharsMax);
  expect(problemOf({ kind: { case: "deny", value: { message } } })).toBeUndefined();
  expect(problemOf({ kind: { case: "deny", value: { message: `${message}x` } } })).toMatchObject({
    field: "deny.message",
  });
});
