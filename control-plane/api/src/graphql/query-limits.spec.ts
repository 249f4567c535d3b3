// Guarantees of the query limits: what is too deep or too wide is refused before it runs, however it is written, and the
// check itself costs no more than the limit.

import { buildSchema, getIntrospectionQuery, parse, validate } from "graphql";
import { expect, test } from "vitest";
import { depthMax, fieldsMax, queryLimits } from "./query-limits.ts";

const schema = buildSchema("type Query { a: Query b: Int }");

function problems(query: string): string[] {
  return validate(schema, parse(query), [queryLimits]).map(({ message }) => message);
}

function nested(depth: number): string {
  return `${"{ a ".repeat(depth - 1)}{ b }${" }".repeat(depth - 1)}`;
}

test("as deep as the limit passes, one deeper does not", () => {
  expect(problems(nested(depthMax))).toEqual([]);
  expect(problems(nested(depthMax + 1))).toEqual([
    `The query is ${depthMax + 1} levels deep; ${depthMax} are allowed.`,
  ]);
});

test("fragments hide no depth", () => {
  const chain = Array.from({ length: depthMax }, (_, n) => `fragment f${n} on Query { a { ...f${n + 1} } }`).join(" ");
  expect(problems(`{ ...f0 } ${chain} fragment f${depthMax} on Query { b }`)).toHaveLength(1);
  expect(problems(`{ ... on Query ${nested(depthMax + 1)} }`)).toHaveLength(1);
});

test("aliases hide no width", () => {
  const fields = (count: number): string => `{ ${Array.from({ length: count }, (_, n) => `x${n}: b`).join(" ")} }`;
  expect(problems(fields(fieldsMax))).toEqual([]);
  expect(problems(fields(fieldsMax + 1))).toEqual([`The query asks for more than ${fieldsMax} fields.`]);
});

test("fragments that double each other are found without writing them out", () => {
  const doubling = Array.from({ length: 60 }, (_, n) => `fragment f${n} on Query { ...f${n + 1} ...f${n + 1} }`);
  const started = process.cpuUsage();
  expect(problems(`{ ...f0 } ${doubling.join(" ")} fragment f60 on Query { b }`)).toHaveLength(1);
  // Written out it has 2^60 fields; anything but a bound would not end at all.
  expect(process.cpuUsage(started).user).toBeLessThan(5_000_000);
});

test("a fragment in itself does not run for ever", () => {
  expect(problems("{ ...f } fragment f on Query { a { ...f } }")).toEqual([]);
});

test("the introspection that every tool sends passes", () => {
  expect(problems(getIntrospectionQuery())).toEqual([]);
});
