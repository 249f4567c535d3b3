// Expressions: what is refused when a policy is written, what a call is told, and that neither large arguments nor clever
// expressions take longer than the bound. A number that was rounded, or an error that counted as false, would let through
// what a policy was written against.

import { expect, test } from "vitest";
import { limits } from "../limits.ts";
import { compileExpression, type Evaluation } from "./expression.ts";
import { subjectOf } from "./policy.fixture.ts";
import type { PolicyCall } from "./variables.ts";

function evaluate(text: string, args?: string, other?: Partial<PolicyCall>): Evaluation {
  const compiled = compileExpression(text);
  if (compiled.outcome === "refused") throw new Error(compiled.problem.message);
  return compiled.expression.evaluate(subjectOf(args, other));
}

function said(text: string, args?: string, other?: Partial<PolicyCall>): string {
  const evaluation = evaluate(text, args, other);
  return evaluation.outcome === "failed" ? evaluation.reason : evaluation.outcome;
}

test.each([
  ["call.tool == 'delete_repo' && call.server == 'github' && call.door == 'mcp'", "matched"],
  ["call.method == 'tools/call' && call.prompt == '' && call.model == '' && !call.stream", "matched"],
  ["principal.team.name == 'platform' && principal.key.purpose == 'agent' && principal.roles == []", "matched"],
  ["principal.user.id == 'u1' && principal.user.name == 'alice'", "matched"],
  ["principal.customer.id == 'c1' && principal.customer.name == 'acme'", "matched"],
  ["principal.labels.env == 'prod' && principal.labels['project'] == 'apollo=2'", "matched"],
  ["principal.labels == {'env': 'prod', 'project': 'apollo=2'}", "matched"],
  ["has(principal.labels.other) || 'other' in principal.labels", "unmatched"],
  ["principal.labels.all(name, name in ['env', 'project'])", "matched"],
  ["principal.labels.other == 'x'", "field not found: other"],
  ["request.ip.startsWith('192.0.2.') && request.time < timestamp('2026-01-01T00:00:00Z')", "matched"],
  ["request.time.getHours('UTC') == 15", "matched"],
  ["request.headers['user-agent'].matches('^claude-code/[0-9]+$')", "matched"],
  ["'origin' in request.headers", "unmatched"],
  ["session.client == 'codex'", "unmatched"],
  ["call.arguments.items.exists(item, item.price > 10)", "matched"],
  ["call.arguments.items.all(item, has(item.price)) && size(call.arguments.items) == 2", "matched"],
  ["call.arguments.items.filter(item, item.price < 5).size() == 1", "matched"],
  ["has(call.arguments.other) && call.arguments.other == 1", "unmatched"],
  ["call.arguments['__proto__'] == 'x'", "matched"],
])("%s: %s", (text, expected) => {
  expect(said(text, '{"items":[{"price":11},{"price":4.5}],"__proto__":"x"}')).toBe(expected);
});

test.each([
  ["call.arguments.n > 9007199254740992.0", "9007199254740993", "matched"],
  ["call.arguments.n > 9007199254740992", "9007199254740993", "matched"],
  ["call.arguments.n == 9007199254740992.0", "9007199254740993", "unmatched"],
  ["call.arguments.n <= 0.1", "0.1", "matched"],
  ["call.arguments.n >= 1", "1e3", "matched"],
  ["call.arguments.n > 1", "1e400", "number 1e400: it cannot be held exactly"],
  ["call.arguments.n > 0", "0.1000000000000000055", "number 0.1000000000000000055: it cannot be held exactly"],
  ["call.arguments.n > 0", "9223372036854775808", "number 9223372036854775808: it cannot be held exactly"],
  ["double(call.arguments.n) > 1.0", "9007199254740993", "9007199254740993 cannot be held exactly as a double"],
])("%s where n is %s: %s", (text, n, expected) => {
  expect(said(text, `{"n":${n}}`)).toBe(expected);
});

test.each([
  ["call.arguments.n == 1", "{}", /field not found/],
  ["call.arguments.n == 1", undefined, /field not found/],
  ["call.arguments.n > 'a'", '{"n":1}', /overload/],
  ["call.arguments.n", '{"n":1}', /neither true nor false/],
  ["call.arguments.n == 1", '{"n":1,"N":2}', /twice/],
  ["call.arguments.n == 1", "[]", /no object/],
  ["1 / call.arguments.n == 1", '{"n":0}', /divi/],
])("what cannot be decided fails: %s of %s", (text, args, reason) => {
  expect(evaluate(text, args)).toMatchObject({ outcome: "failed", reason: expect.stringMatching(reason) });
});

test("who is nobody's has no name, and a call that is not marked no labels", () => {
  const nobody = subjectOf(undefined, {}, { user: undefined, customer: undefined, labels: [] });
  for (const text of [
    "principal.user.id + principal.user.name + principal.customer.id + principal.customer.name == ''",
    "size(principal.labels) == 0",
  ]) {
    const compiled = compileExpression(text);
    if (compiled.outcome === "refused") throw new Error(compiled.problem.message);
    expect(compiled.expression.evaluate(nobody), text).toMatchObject({ outcome: "matched" });
  }
});

test.each<[string, string[]]>([
  ["principal.key.name == 'a' && principal.team.id == 'b' && principal.roles == []", []],
  ["principal.user.name == 'a'", ["policy-principal"]],
  ["call.tool == 'a' && principal.customer.id == 'b'", ["policy-principal"]],
  ["has(principal.labels.project)", ["policy-principal"]],
  ["[1].exists(n, n == 1 && 'a' in principal.labels && principal.user.id == '')", ["policy-principal"]],
])("what came later is known by its names, for proxies that do not have it: %s", (text, features) => {
  expect(compileExpression(text)).toMatchObject({ outcome: "compiled", expression: { features } });
});

test("the arguments are read for those alone that name them, and once", () => {
  let count = 0;
  const argumentsText = (): string => {
    count += 1;
    return '{"n":1}';
  };
  const subject = subjectOf(undefined, { argumentsText });
  for (const text of ["call.tool == 'x'", "call.arguments.n == 1", "call.arguments.n == 2"]) {
    const compiled = compileExpression(text);
    if (compiled.outcome === "compiled") compiled.expression.evaluate(subject);
    expect(count, text).toBe(text.includes("arguments") ? 1 : 0);
  }
});

const list = JSON.stringify({ l: Array.from({ length: 50_000 }, (_, index) => index), s: "ab ".repeat(200_000) });

test.each([
  "call.arguments.l.all(x, call.arguments.l.all(y, true))",
  "call.arguments.l.all(x, call.arguments.l.exists(y, true))",
  "call.arguments.l.exists(x, call.arguments.l == call.arguments.l && false)",
  "call.arguments.l.exists(x, x in call.arguments.l && false)",
  "size(call.arguments.l.map(x, x + 1)) > 0",
  "call.arguments.l.exists(x, call.arguments.s.contains('z'))",
  "call.arguments.l.exists(x, call.arguments.s.matches('(a*)*c'))",
  // An error that another part of the expression would swallow does not lift the bound.
  "call.arguments.l.all(x, call.arguments.l.all(y, true)) || true",
])("it costs too much and fails soon: %s", (text) => {
  expect(said(text, list)).toBe(`it costs more than ${limits.policyCostMax}`);
});

test("what one evaluation has used up does not count for the next", () => {
  const text = "call.arguments.l.all(x, x >= 0)";
  const args = JSON.stringify({ l: Array.from({ length: 5_000 }, () => 1) });
  const costs = Array.from({ length: 20 }, () => evaluate(text, args)).map((one) => "cost" in one && one.cost);
  expect(new Set(costs).size).toBe(1);
  expect(costs[0]).toBeGreaterThan(5_000);
});

test.each<[string, RegExp, number, number]>([
  ["call.tool ==", /expecting/, 1, 11],
  ["call.tool == 'a' &&\n  call.tol == 'b'", /`call\.tol` does not exist; there are call\.door/, 2, 7],
  ["cal.tool == 'a'", /`cal` does not exist; there are principal/, 1, 4],
  ["call.tool.name == 'a'", /`call\.tool` has no members/, 1, 10],
  ["call == 1", /stands alone/, 1, 1],
  ["call['tool'] == 'a'", /stands alone/, 1, 1],
  ["principal.person.name == 'a'", /`principal\.person` does not exist/, 1, 17],
  ["exec('a')", /function `exec` is not known/, 1, 1],
  ["bytes(call.tool) == b'a'", /function `bytes` is not known/, 1, 1],
  ["call.tool.matches('(a')", /RE2/, 1, 19],
  ["call.tool.matches(call.server)", /written out/, 1, 23],
  ["request.headers['authorization'] == 'a'", /not shown to policies/, 1, 17],
  ["call.arguments.all(call, true)", /name of a variable/, 1, 15],
  ["[1].all(a, [1].all(b, [1].all(c, true)))", /more than 2 deep/, 1, 26],
  ["1 + 1", /neither true nor false/, 1, 2],
  ["'a'", /neither true nor false/, 1, 1],
  [`${"(".repeat(33)}true${")".repeat(33)}`, /nested more than 32/, 1, 33],
  [Array.from({ length: 150 }, () => "call.tool=='a'").join("||"), /more than 500 parts/, 1, 1],
  [`"${"a".repeat(5_000)}" == call.tool`, /longer than 4096/, 1, 1],
])("refused with its place: %s", (text, message, line, column) => {
  const compiled = compileExpression(text);
  if (compiled.outcome === "compiled") throw new Error("it compiled");
  expect(compiled.problem.message).toMatch(message);
  if (!/parts/.test(compiled.problem.message)) expect(compiled.problem).toMatchObject({ line, column });
});
