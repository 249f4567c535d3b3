// What an expression said before is what it would say now. Were two calls taken for the same that are not, one of them would be
// let through by what was said of the other.

import { create } from "@bufbuild/protobuf";
import { CustomerSchema, KeyPurpose, KeySchema, TeamSchema, UserSchema } from "@tollgate/schema/resources";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seedFromEnv } from "../../../../test/support/random.ts";
import { BoundCall } from "./bound-call.ts";
import { compileExpression, type Expression } from "./expression.ts";
import { subjectOf } from "./policy.fixture.ts";
import { nodesMax, reads, SaidBefore } from "./remembered.ts";
import type { Subject } from "./subject.ts";

const seed = seedFromEnv();

function expressionOf(text: string): Expression {
  const compiled = compileExpression(text);
  if (compiled.outcome === "refused") throw new Error(compiled.problem.message);
  return compiled.expression;
}

const texts = [
  "true",
  "call.model == 'a'",
  "call.model == 'a' && call.tool == 'b'",
  "call.model + call.tool == '1:a1:'",
  "call.stream && call.tool == 'a'",
  "principal.team.name == call.server",
  "principal.user.id == '' || principal.user.name + call.model == 'a1:b'",
  "principal.key.purpose == 'agent' && call.door != call.method",
  "has(call.model) && call.provider.size() > 1",
  "int(call.tool) > 1",
  "[call.tool, call.model].exists(one, one == principal.team.name)",
  // These are not to be remembered by what else they name.
  "call.tool == 'a' && call.arguments.n == 1",
  "call.model == 'a' && request.time < timestamp('2026-01-01T00:00:00Z')",
  "call.model == 'a' || session.id == 'a' || request.ip == 'a' || call.resource == 'a'",
  "principal.team.name == 'a' && has(principal.labels.a)",
  "request.headers['user-agent'] == 'a' && call.model == 'a'",
];

test(`an expression that was asked before says what one says that is asked for the first time (seed ${seed})`, () => {
  const asked = texts.map(expressionOf);
  const value = fc.constantFrom("", "a", "b", "ab", "1:", "1:a", "a1:", "1:a1:", "12", "x".repeat(600));
  const bit = fc.boolean();
  const called = fc.record({
    call: fc.record({ model: value, tool: value, server: value, provider: value, resource: value, isStreamed: bit }),
    other: fc.record({ ip: value, timeMs: fc.constantFrom(0, 1_800_000_000_000), agent: value, n: fc.nat(1) }),
    by: fc.record({ team: value, user: fc.option(fc.tuple(value, value)), labels: fc.constantFrom([], ["a=1"]) }),
  });
  const calls = fc.array(called, { minLength: 2, maxLength: 12 });
  fc.assert(
    fc.property(calls, (all) => {
      for (const { call, other, by } of all) {
        const { ip, timeMs, agent, n } = other;
        const subject = subjectOf(
          JSON.stringify({ n }),
          {
            ...{ ...call, ip, timeMs, header: () => agent },
            session: { id: agent, agent, client: agent, clientVersion: agent },
          },
          {
            team: create(TeamSchema, { id: "t1", name: by.team }),
            user: by.user === null ? undefined : create(UserSchema, { id: by.user[0], name: by.user[1] }),
            labels: by.labels,
          },
        );
        for (const [index, text] of texts.entries())
          expect(asked[index]?.evaluate(subject), text).toEqual(expressionOf(text).evaluate(subject));
      }
    }),
    { seed, numRuns: 60 },
  );
});

/** Every text that is read of it is another one. */
function distinctSubject(mark: string, isMarked: boolean): Subject {
  const texts = ["server", "tool", "prompt", "resource", "provider", "model"] as const;
  const call = Object.fromEntries(texts.map((name) => [name, `${name} ${mark}`]));
  return subjectOf(
    undefined,
    { ...call, door: isMarked ? "anthropic" : "mcp", method: `method ${mark}`, isStreamed: isMarked },
    {
      key: create(KeySchema, {
        ...{ id: `key ${mark}`, name: `key name ${mark}` },
        purpose: isMarked ? KeyPurpose.SERVICE : KeyPurpose.AGENT,
      }),
      team: create(TeamSchema, { id: `team ${mark}`, name: `team name ${mark}` }),
      user: create(UserSchema, { id: `user ${mark}`, name: `user name ${mark}` }),
      customer: create(CustomerSchema, { id: `customer ${mark}`, name: `customer name ${mark}` }),
    },
  );
}

test.each(Object.keys(reads))("%s is remembered by what an expression reads of it", (name) => {
  const [root = "", ...members] = name.split(".");
  const seen = ["one", "other"].map((mark) => {
    const subject = distinctSubject(mark, mark === "one");
    const bound: unknown = members.reduce<unknown>(
      (value, member) => (value as ReadonlyMap<string, unknown>).get(member),
      new BoundCall(subject.principal, subject.call)[root as "principal" | "call"],
    );
    expect(reads[name]?.(subject)).toBe(String(bound));
    return bound;
  });
  expect(new Set(seen).size).toBe(2);
});

test("a purpose that came after this version is no text, and what was said of another key is not said of that", () => {
  const subject = subjectOf(undefined, {}, { key: create(KeySchema, { id: "k1", purpose: 7 as KeyPurpose }) });
  for (const text of ["principal.key.purpose == 'agent'", "principal.key.purpose == call.tool"])
    expect(expressionOf(text).evaluate(subject), text).toMatchObject({
      outcome: "failed",
      reason: expect.stringContaining("purpose"),
    });
  const open = expressionOf("call.server == 'github' || principal.key.purpose == 'agent'");
  expect(open.evaluate(subject).outcome).toBe("matched");
});

test("what clients make up is remembered up to a bound, however many variables are named", () => {
  const names = ["call.model", "call.tool", "call.server", "call.provider"];
  for (const count of [1, 2, 4]) {
    const before = new SaidBefore<number>(names.slice(0, count).flatMap((name) => reads[name] ?? []));
    for (let call = 0; call < 1_000; call++) {
      const subject = distinctSubject(String(call), false);
      expect(before.find(subject)).toBeUndefined();
      before.keep(subject, call);
      expect(before.find(subject)).toBe(call);
      expect(before.nodes).toBeLessThanOrEqual(nodesMax);
    }
  }
});

test("more values than are remembered are told apart all the same", () => {
  const expression = expressionOf("call.model == 'm7'");
  for (let round = 0; round < 2; round++)
    for (let model = 0; model < 1_000; model++)
      expect(expression.evaluate(subjectOf(undefined, { model: `m${model}` })).outcome).toBe(
        model === 7 ? "matched" : "unmatched",
      );
});
