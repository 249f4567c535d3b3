// What an expression said before is what it would say now. Were two calls taken for the same that are not, one of them would be
// let through by what was said of the other.

import { create } from "@bufbuild/protobuf";
import { TeamSchema, UserSchema } from "@tollgate/schema/resources";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compileExpression, type Expression } from "./expression.ts";
import { subjectOf } from "./policy.fixture.ts";

const seed = Number(process.env["FC_SEED"] ?? Date.now() % 2 ** 31);

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

test("more values than are remembered are told apart all the same", () => {
  const expression = expressionOf("call.model == 'm7'");
  for (let round = 0; round < 2; round++)
    for (let model = 0; model < 1_000; model++)
      expect(expression.evaluate(subjectOf(undefined, { model: `m${model}` })).outcome).toBe(
        model === 7 ? "matched" : "unmatched",
      );
});
