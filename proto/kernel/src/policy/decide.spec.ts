// Who is asked, in which order, and that the first refusal wins. What fails or is not understood refuses, where it could have
// been about the call and nowhere else: wider, one bad rule closes the gate; narrower, it opens it.

import { create, toBinary, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { PolicySchema, RedactDirection, RedactOf } from "@tollgate/schema/resources";
import { PolicyChangedSchema, PolicyCreatedSchema, PolicyRetiredSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { recordsOf as recordsOfCommits } from "../records.fixture.ts";
import { apply, empty, fromSnapshot } from "../replica.ts";
import { viewOf } from "../view.ts";
import { decide, inOrder, type Spoken } from "./decide.ts";
import { policyOf, subjectOf } from "./policy.fixture.ts";

type Fields = Omit<MessageInitShape<typeof PolicySchema>, "$typeName">;
type Kind = NonNullable<Fields["kind"]>;

const deny = (message = "No."): Kind => ({ case: "deny", value: { message } });
const redact = (pattern: string): Kind => ({
  case: "redact",
  value: { of: RedactOf.TOOLS, direction: RedactDirection.BOTH, patterns: [pattern], replacement: "-" },
});

test("they speak by order and then by name, and nobody after the first refusal", () => {
  const policies = inOrder([
    policyOf({ id: "c", name: "c", order: 2, kind: deny("late") }),
    policyOf({ id: "b", name: "b", order: 1, kind: deny("first") }),
    policyOf({ id: "a", name: "a", order: 1, match: "call.tool == 'other'", kind: deny("never") }),
    policyOf({ id: "z", name: "z", order: -1, kind: redact("x") }),
  ]);
  const spoken: Spoken[] = [];
  const decision = decide(policies, subjectOf(), (one) => spoken.push(one));
  expect(decision).toMatchObject({ outcome: "refused", policy: { id: "b" }, code: "policy.denied", detail: "first" });
  expect(spoken.map(({ policy, said }) => `${policy.id} ${said}`)).toEqual(["z redacts", "a unmatched", "b refuses"]);
});

test("what fails refuses, and the next is not asked", () => {
  const policies = [
    policyOf({ name: "size", match: "call.arguments.n > 1", kind: redact("x") }),
    policyOf({ kind: deny() }),
  ];
  expect(decide(policies, subjectOf('{"m":1}'))).toMatchObject({
    outcome: "refused",
    code: "policy.failed",
    detail: expect.stringContaining("(size) field not found: n"),
  });
});

test("redactions of all that match are added up", () => {
  const policies = [policyOf({ kind: redact("x") }), policyOf({ kind: redact("y") })];
  const decision = decide(policies, subjectOf());
  expect(decision.outcome === "passed" && decision.redactions.map(({ patterns }) => String(patterns))).toEqual([
    "x",
    "y",
  ]);
  expect(decide([], subjectOf())).toEqual({ outcome: "passed", redactions: [], limits: [] });
});

test.each<[string, string[], boolean]>([
  ["everything", [], true],
  ["its server", ["server/s1"], true],
  ["another server", ["server/s2"], false],
  ["a provider, where it is about a server's tool", ["provider/s1"], false],
  ["its team", ["team/t1"], true],
  ["another team", ["team/t2"], false],
  ["its server for another team", ["server/s1", "team/t2"], false],
  ["one of several servers, for one of several teams", ["server/s2", "server/s1", "team/t2", "team/t1"], true],
])("a policy about %s", (_, covers, isAsked) => {
  // An expression that fails shows that it was asked.
  const policy = policyOf({ covers, match: "call.arguments.n == 1", kind: deny() });
  expect(decide([policy], subjectOf()).outcome).toBe(isAsked ? "refused" : "passed");
});

const policyWith = (fields: Fields) => create(PolicySchema, { id: "p1", name: "rule", kind: deny(), ...fields });
const recordsOf = (events: readonly Message[]) =>
  recordsOfCommits(events.map((event) => [{ event, scopes: ["policy/p1"] }]));
const created = (fields: Fields) => create(PolicyCreatedSchema, { policy: policyWith(fields) });
const changed = (fields: Fields) => create(PolicyChangedSchema, { policy: policyWith(fields) });

test("what is in force follows the log", () => {
  const made = apply(empty(), recordsOf([created({ match: "call.tool == 'delete_repo'" })]));
  const view = viewOf(made);
  expect(decide(view.policies, subjectOf()).outcome).toBe("refused");
  expect(decide(view.policies, subjectOf(undefined, { tool: "read" })).outcome).toBe("passed");
  const disabled = apply(empty(), recordsOf([created({}), changed({ disabled: true })]));
  expect(viewOf(disabled, view).policies).toEqual([]);
  const retired = apply(empty(), recordsOf([created({}), create(PolicyRetiredSchema, { policy: policyWith({}) })]));
  expect(viewOf(retired, view).policies).toEqual([]);
});

test.each<[string, Fields]>([
  ["needs a feature that is not known", { requires: ["policy-of-tomorrow"] }],
  ["does not compile", { match: "call.weather == 'fine'" }],
  ["is of no kind that is known", { kind: { case: undefined } }],
])("one that %s refuses what it covers, is reported, and is settled by its next version", (_, fields) => {
  const made = created({ covers: ["server/s1"], ...fields });
  const asEvents = apply(empty(), recordsOf([made]));
  const bytes = toBinary(PolicySchema, made.policy ?? policyWith({}));
  const asSnapshot = fromSnapshot(1n, [{ kind: "policy", id: "p1", bytes }]);
  for (const replica of [asEvents, asSnapshot]) {
    expect([...replica.refused.keys()]).toEqual(["policy/p1"]);
    const { policies } = viewOf(replica);
    expect(decide(policies, subjectOf())).toMatchObject({ outcome: "refused", code: "policy.scope-refused" });
    expect(decide(policies, subjectOf(undefined, { serverId: "s2" })).outcome).toBe("passed");
  }
  const settled = apply(empty(), recordsOf([made, changed({ match: "call.tool == 'other'" })]));
  expect(settled.refused.size).toBe(0);
  expect(decide(viewOf(settled, viewOf(asEvents)).policies, subjectOf()).outcome).toBe("passed");
});

test("one of which nothing can be read refuses what its record says that it covers, or everything", () => {
  const record = (scopes: string[]) => {
    const [first] = recordsOf([created({})]);
    if (!first) throw new Error("no record");
    return { ...first, type: "tollgate.v1.PolicyOfTomorrow", scopes };
  };
  const other = subjectOf(undefined, { serverId: "s2" });
  const covering = viewOf(apply(empty(), [record(["policy/p1", "server/s1"])])).policies;
  expect([decide(covering, subjectOf()).outcome, decide(covering, other).outcome]).toEqual(["refused", "passed"]);
  const unknown = viewOf(apply(empty(), [record(["policy/p1"])])).policies;
  expect([decide(unknown, subjectOf()).outcome, decide(unknown, other).outcome]).toEqual(["refused", "refused"]);
});

test("one that is understood again is in force beyond what refuses for the version that was not", () => {
  const [first] = recordsOf([created({})]);
  if (!first) throw new Error("no record");
  const unheard = { ...first, type: "tollgate.v1.PolicyOfTomorrow", scopes: ["policy/p1", "server/s1"] };
  const once = apply(empty(), [unheard]);
  const [next] = recordsOf([changed({ covers: [] })]);
  if (!next) throw new Error("no record");
  const position = once.position + 1n;
  const { policies } = viewOf(apply(once, [{ ...next, position, commit: position }]));
  const codeFor = (serverId: string) => {
    const decided = decide(policies, subjectOf(undefined, { serverId }));
    return "code" in decided ? decided.code : decided.outcome;
  };
  expect([codeFor("s1"), codeFor("s2")]).toEqual(["policy.scope-refused", "policy.denied"]);
});

test("one that came to cover everything refuses everything, whomever it covered when it was not understood", () => {
  const [first] = recordsOf([created({})]);
  if (!first) throw new Error("no record");
  const unheard = { ...first, type: "tollgate.v1.PolicyOfTomorrow", scopes: ["policy/p1", "server/s1"] };
  const once = apply(empty(), [unheard]);
  const [next] = recordsOf([changed({ covers: [], requires: ["policy-of-tomorrow"] })]);
  if (!next) throw new Error("no record");
  const position = once.position + 1n;
  const { policies } = viewOf(apply(once, [{ ...next, position, commit: position }]));
  expect(decide(policies, subjectOf(undefined, { serverId: "s2" })).outcome).toBe("refused");
});
