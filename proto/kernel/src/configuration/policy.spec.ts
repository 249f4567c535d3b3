// Policies in a file: what they become, and that what does not compile is met at its line, before anything is applied.

import { LimitMeasure, LimitWindow, RedactDirection, RedactOf } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { parseConfiguration } from "./configuration.ts";

function parsed(policies: string) {
  const text = `version: 1\nservers: [{ name: bank, url: "https://bank.example/mcp" }]\nteams: [{ name: ops }]\npolicies:\n${policies}`;
  return parseConfiguration(text, { fileName: "f.yaml", resolve: () => undefined });
}

test("each kind is read, with what it covers by name", () => {
  const read = parsed(`
  - name: no-deletes
    order: 5
    match: call.tool == "delete"
    covers: { servers: [bank], teams: [ops] }
    deny: { message: Ask first. }
  - name: no-keys
    redact: { of: tools, direction: both, patterns: ["sk-[a-z]+"] }
  - name: small
    enabled: false
    validateArguments:
      schema: { properties: { amount: { type: integer, maximum: 9007199254740993 } }, required: [amount] }
  - { name: calm, limit: { measure: requests, amount: 600, window: minute } }
  - { name: few, limit: { measure: concurrentCalls, amount: 3 } }
`);
  if (read.outcome === "invalid") throw new Error(read.report);
  const [deny, redact, validate, calm, few] = read.configuration.policies;
  expect(deny).toMatchObject({
    ...{ name: "no-deletes", enabled: true, order: 5, match: 'call.tool == "delete"' },
    covers: { servers: ["bank"], providers: [], teams: ["ops"] },
    kind: { case: "deny", value: { message: "Ask first." } },
  });
  expect(redact?.kind).toMatchObject({
    case: "redact",
    value: { of: RedactOf.TOOLS, direction: RedactDirection.BOTH, patterns: ["sk-[a-z]+"], replacement: "[redacted]" },
  });
  // A number as it stands there, and not as a double holds it.
  expect(validate).toMatchObject({
    enabled: false,
    kind: {
      value: {
        schema: '{"properties":{"amount":{"type":"integer","maximum":9007199254740993}},"required":["amount"]}',
      },
    },
  });
  expect(calm?.kind).toMatchObject({
    case: "limit",
    value: { measure: LimitMeasure.REQUESTS, amount: 600n, window: LimitWindow.MINUTE },
  });
  expect(few?.kind).toMatchObject({
    case: "limit",
    value: { measure: LimitMeasure.CONCURRENT_CALLS, amount: 3n, window: LimitWindow.UNSPECIFIED },
  });
});

test.each<[string, string, RegExp, number]>([
  [
    "an expression",
    '  - name: a\n    match: call.tol == "a"\n    deny: {}\n',
    /`match`, line 1, column 5.*does not exist/,
    6,
  ],
  ["a kind that comes later", "  - name: a\n    route: {}\n    deny: {}\n", /not supported by this version yet/, 6],
  ["two kinds", "  - name: a\n    deny: {}\n    validateArguments: { schema: {} }\n", /exactly one/, 5],
  ["no kind", "  - name: a\n", /exactly one/, 5],
  [
    "a server that is not there",
    "  - name: a\n    covers: { servers: [banc] }\n    deny: {}\n",
    /nearest is `bank`/,
    6,
  ],
  [
    "requests without a window",
    "  - name: a\n    limit: { measure: requests, amount: 5 }\n",
    /`limit.window`: it is missing/,
    6,
  ],
  ["an amount of nothing", "  - name: a\n    limit: { measure: tokens, window: day }\n", /amount/, 6],
  ["a schema", "  - name: a\n    validateArguments: { schema: { typ: object } }\n", /`\/typ` is not known/, 6],
  ["a pattern", '  - name: a\n    redact: { of: tools, direction: both, patterns: ["(a"] }\n', /RE2/, 6],
])("refused: %s", (_, policies, message, line) => {
  const read = parsed(policies);
  if (read.outcome !== "invalid") throw new Error("it was taken");
  expect(read.issues[0]).toMatchObject({ line, message: expect.stringMatching(message) });
});
