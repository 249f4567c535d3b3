// A rule that counts says of each call that it matches against what, and nothing more; the call counts only where no other policy
// refuses it, or calls that nobody let through would use up what others need.

import { LimitMeasure, LimitWindow, type LimitPolicySchema } from "@tollgate/schema/resources";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { limits } from "../limits.ts";
import { decide, inOrder, type Spoken } from "./decide.ts";
import { policyOf, problemOf, subjectOf } from "./policy.fixture.ts";

type Value = Omit<MessageInitShape<typeof LimitPolicySchema>, "$typeName">;

const counting = (value: Value = {}) =>
  ({
    case: "limit",
    value: { measure: LimitMeasure.REQUESTS, amount: 600n, window: LimitWindow.MINUTE, ...value },
  }) as const;
const deny = { case: "deny", value: { message: "No." } } as const;

test("what it matches counts against its amount, and it reads nothing of the call", () => {
  const { judge } = policyOf({ kind: counting() });
  const unread = subjectOf(undefined, {
    argumentsText: () => {
      throw new Error("the arguments were read");
    },
  });
  expect(judge(unread)).toEqual({
    outcome: "counts",
    limit: { policyId: "p1", policyName: "rule", measure: LimitMeasure.REQUESTS, amount: 600n },
    detail: "600 requests in any minute",
  });
});

test("tokens are those of models: a call of a server counts none", () => {
  const { judge } = policyOf({ kind: counting({ measure: LimitMeasure.TOKENS, window: LimitWindow.DAY }) });
  expect(judge(subjectOf())).toEqual({ outcome: "passes" });
  expect(judge(subjectOf(undefined, { door: "openai" }))).toMatchObject({ detail: "600 tokens in any day" });
});

test("calls at a time have no window, and may be none at all", () => {
  const value = { measure: LimitMeasure.CONCURRENT_CALLS, window: LimitWindow.UNSPECIFIED, amount: 0n };
  expect(policyOf({ kind: counting(value) }).judge(subjectOf())).toMatchObject({ detail: "0 calls at a time" });
});

test.each<[string, Value, string]>([
  ["an amount that cannot be counted", { amount: BigInt(limits.limitAmountMax) + 1n }, "limit.amount"],
  ["requests without a window", { window: LimitWindow.UNSPECIFIED }, "limit.window"],
  ["calls at a time with one", { measure: LimitMeasure.CONCURRENT_CALLS }, "limit.window"],
  ["nothing to count", { measure: LimitMeasure.UNSPECIFIED }, "limit.measure"],
  // The wire's enumerations are open: a later version may have said it.
  ["a measure of tomorrow", { measure: 99 as LimitMeasure }, "limit.measure"],
  ["a window of tomorrow", { window: 99 as LimitWindow }, "limit.window"],
])("refused: %s", (_, value, field) => {
  expect(problemOf({ kind: counting(value) })).toMatchObject({ field });
});

test("a call counts against all that match, in their order, and against none where another policy refuses it", () => {
  const [wide, narrow] = [
    policyOf({ id: "w", name: "wide", order: 2, kind: counting() }),
    policyOf({ id: "n", name: "narrow", order: 1, match: "call.tool == 'delete_repo'", kind: counting() }),
  ];
  const other = policyOf({ id: "o", name: "other", match: "call.tool == 'other'", kind: counting() });
  const spoken: Spoken[] = [];
  const decision = decide(inOrder([wide, narrow, other]), subjectOf(), (one) => spoken.push(one));
  expect(decision).toMatchObject({ outcome: "passed", limits: [{ policyId: "n" }, { policyId: "w" }] });
  expect(spoken.map(({ policy, said }) => `${policy.id} ${said}`)).toEqual(["o unmatched", "n counts", "w counts"]);
  for (const order of [0, 9]) {
    const refusing = policyOf({ id: "d", name: "no", order, kind: deny });
    const refused = decide(inOrder([wide, narrow, refusing]), subjectOf());
    expect(refused).toMatchObject({ outcome: "refused", policy: { id: "d" } });
    expect(refused).not.toHaveProperty("limits");
  }
});
