// Which budgets and limits a call is charged to. One too few, and a scope spends what nobody allowed it; one too many, and it pays for
// others. What is not understood refuses whom it would have held back, and nobody else.

import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BudgetChangedSchema, BudgetCreatedSchema, BudgetRetiredSchema } from "@tollgate/schema/events";
import {
  BudgetSchema,
  CustomerSchema,
  UserSchema,
  KeySchema,
  LimitMeasure,
  LimitSchema,
  TeamSchema,
} from "@tollgate/schema/resources";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { recordsOf, type Written } from "../records.fixture.ts";
import { apply, fromSnapshot, type Replica, type Stored } from "../replica.ts";
import { viewOf, type View } from "../view.ts";
import { budgetsOf, chargedTo, type CallTarget, type Charged, type Refused } from "./charged.ts";
import { scopeText, storedScope, type Scope } from "./quota-scope.ts";

const caller = (keyId: string, teamId: string, above: { userId?: string; customerId?: string } = {}) => ({
  key: create(KeySchema, { id: keyId, teamId }),
  team: create(TeamSchema, { id: teamId }),
  user: above.userId === undefined ? undefined : create(UserSchema, { id: above.userId }),
  customer: above.customerId === undefined ? undefined : create(CustomerSchema, { id: above.customerId }),
});
const [alice, bob] = [caller("alice", "blue", { userId: "ann", customerId: "acme" }), caller("bob", "red")];

const ofTeam = (id: string): Scope => ({ kind: "team", id });
const ofUser = (id: string): Scope => ({ kind: "user", id });
const ofCustomer = (id: string): Scope => ({ kind: "customer", id });
const ofKey = (id: string): Scope => ({ kind: "key", id });
const ofLabel = (value: string, name = "project"): Scope => ({ kind: "label", name, value });

const budget = (id: string, scope: Scope, more: MessageInitShape<typeof BudgetSchema> = {}) =>
  create(BudgetSchema, { ...more, id, name: id, scope: storedScope(scope) });
const storedBudget = (...of: Parameters<typeof budget>): Stored => {
  return { kind: "budget", id: of[0], bytes: toBinary(BudgetSchema, budget(...of)) };
};

type LimitInit = Partial<Pick<ReturnType<typeof limit>, "measure" | "models" | "tools">>;
const limit = (id: string, scope: Scope, more: object = {}) =>
  create(LimitSchema, { measure: LimitMeasure.REQUESTS, ...more, id, name: id, scope: storedScope(scope) });
const storedLimit = (id: string, scope: Scope, more: LimitInit = {}): Stored => {
  return { kind: "limit", id, bytes: toBinary(LimitSchema, limit(id, scope, more)) };
};

const replicaOf = (...resources: Stored[]): Replica => fromSnapshot(1n, resources);
const names = (all: readonly { name: string }[]): string[] => all.map(({ name }) => name);
const listOf = (charged: Charged | Refused, list: "budgets" | "limits"): string[] | string =>
  charged.outcome === "refused" ? charged.code : names(charged[list]);
const budgetsIn = (replica: Replica, who = alice, ...labels: string[]) => {
  const alone = budgetsOf(viewOf(replica), { ...who, labels });
  const all = listOf(chargedTo(viewOf(replica), { ...who, labels }, tool("read")), "budgets");
  expect(alone.outcome === "refused" ? alone.code : names(alone.to)).toEqual(all);
  return all;
};
const limitsIn = (replica: Replica, who = alice, target: CallTarget = tool("read")) =>
  listOf(chargedTo(viewOf(replica), { ...who, labels: [] }, target), "limits");
const limitListOf = (view: View, target: CallTarget) => {
  const charged = chargedTo(view, { ...alice, labels: [] }, target);
  if (charged.outcome === "refused") throw new Error(charged.code);
  return charged.limits;
};
const tool = (name: string): CallTarget => ({ kind: "tool", of: "files", name });
const model = (name: string): CallTarget => ({ kind: "model", of: "openai", name });
const project = (value: string): string => `project=${value}`;

describe("budgets", () => {
  const replica = replicaOf(
    storedBudget("of-blue", ofTeam("blue")),
    storedBudget("of-alice", ofKey("alice")),
    storedBudget("of-red", ofTeam("red")),
    storedBudget("of-apollo", ofLabel("apollo")),
    storedBudget("of-apollo-too", ofLabel("apollo")),
    storedBudget("of-care", ofLabel("high", "care")),
  );

  test("are those of the key and its team, and of nobody else", () => {
    expect(budgetsIn(replica)).toEqual(["of-alice", "of-blue"]);
    expect(budgetsIn(replica, bob)).toEqual(["of-red"]);
    expect(budgetsIn(replica, caller("carol", "green"))).toEqual([]);
  });

  test("are those of its user and customer, where it has them", () => {
    const above = replicaOf(storedBudget("of-ann", ofUser("ann")), storedBudget("of-acme", ofCustomer("acme")));
    expect([budgetsIn(above), budgetsIn(above, bob)]).toEqual([["of-ann", "of-acme"], []]);
    const left = { ...alice, customer: undefined };
    expect(budgetsIn(above, left)).toEqual(["of-ann"]);
    expect(budgetsIn(above, { ...left, user: undefined })).toEqual([]);
  });

  test("are those of the call's labels, too, each once", () => {
    expect(budgetsIn(replica, bob, project("apollo"))).toEqual(["of-red", "of-apollo", "of-apollo-too"]);
    expect(budgetsIn(replica, bob, project("gemini"), "care=high")).toEqual(["of-red", "of-care"]);
    expect(budgetsIn(replica, bob, project("apollo"), project("apollo"))).toHaveLength(3);
    expect(budgetsIn(replica, bob, "other=apollo")).toEqual(["of-red"]);
  });

  test("are found once, and given out as the same list until a budget changes", () => {
    const labels = [project("apollo")];
    const first = budgetsOf(viewOf(replica), { ...alice, labels });
    const team = toBinary(TeamSchema, create(TeamSchema, { id: "green" }));
    const more = fromSnapshot(2n, [{ kind: "team", id: "green", bytes: team }]);
    const next = viewOf({ ...replica, kinds: new Map([...replica.kinds, ["team", kindOf(more, "team")]]) });
    expect(budgetsOf(next, { ...alice, labels })).toBe(first);
    expect(limitListOf(next, tool("read"))).toBe(limitListOf(viewOf(replica), tool("write")));
    const changed = apply(replica, recordsOf([[retired("of-apollo", ofLabel("apollo"))]], replica.position));
    expect(budgetsIn(changed, alice, ...labels)).toEqual(["of-alice", "of-blue", "of-apollo-too"]);
  });

  test("follow a key into another team", () => {
    const moved = { ...alice, team: bob.team };
    expect([budgetsIn(replica), budgetsIn(replica, moved)]).toEqual([
      ["of-alice", "of-blue"],
      ["of-alice", "of-red"],
    ]);
  });
});

function kindOf(replica: Replica, kind: string) {
  const state = replica.kinds.get(kind);
  if (!state) throw new Error(`there is no kind ${kind}`);
  return state;
}

const written = (event: Written["event"], id: string, scope: Scope): Written => ({
  event,
  scopes: [`budget/${id}`, scopeText(scope)],
});
const made = (...of: Parameters<typeof budget>) =>
  written(create(BudgetCreatedSchema, { budget: budget(...of) }), of[0], of[1]);
const changed = (...of: Parameters<typeof budget>) =>
  written(create(BudgetChangedSchema, { budget: budget(...of) }), of[0], of[1]);
const retired = (...of: Parameters<typeof budget>) =>
  written(create(BudgetRetiredSchema, { budget: budget(...of) }), of[0], of[1]);

describe("limits", () => {
  const { TOKENS } = LimitMeasure;
  const replica = replicaOf(
    storedLimit("all", ofTeam("blue")),
    storedLimit("tokens", ofTeam("blue"), { measure: TOKENS }),
    storedLimit("gpt", ofKey("alice"), { models: ["openai/gpt-*"] }),
    storedLimit("files", ofKey("alice"), { tools: ["files/*"] }),
    storedLimit("either", ofKey("alice"), { models: ["*"], tools: ["files/read"] }),
    storedLimit("red", ofTeam("red"), { models: ["openai/*"] }),
  );

  test.each<[string, CallTarget, string[]]>([
    ["a tool", tool("read"), ["either", "files", "all"]],
    ["another tool of the server", tool("write"), ["files", "all"]],
    ["a prompt of the server", { kind: "prompt", of: "files", name: "read" }, ["files", "all"]],
    ["a tool of another server", { kind: "tool", of: "github", name: "read" }, ["all"]],
    ["a model", model("gpt-5"), ["either", "gpt", "all", "tokens"]],
    ["another model", model("o9"), ["either", "all", "tokens"]],
    ["a name that is longer than any that is kept", tool("x".repeat(1_000)), ["files", "all"]],
  ])("of %s are those that are for it", (_, target, expected) => {
    expect(limitsIn(replica, alice, target)).toEqual(expected);
    expect(limitsIn(replica, alice, target)).toEqual(expected);
  });

  test("are found once for what is called, and what clients make up is not kept for ever", () => {
    const view = viewOf(replica);
    const first = limitListOf(view, tool("read"));
    expect(limitListOf(view, { ...tool("read") })).toBe(first);
    for (let count = 0; count < 5_000; count++) limitListOf(view, tool(`made-up-${count}`));
    expect(limitListOf(view, tool("read"))).not.toBe(first);
    expect(limitListOf(view, tool("read"))).toEqual(first);
  });
});

describe("what is not understood", () => {
  const unmet = { requires: ["of-tomorrow"] };
  const refusedCode = "auth.scope-refused";
  const one = (replica: Replica, ...events: Written[]) => apply(replica, recordsOf([events], replica.position));

  test("refuses whom it is for, and nobody beside him", () => {
    for (const replica of [
      replicaOf(storedBudget("b", ofTeam("blue"), unmet)),
      one(replicaOf(), made("b", ofTeam("blue"), unmet)),
    ]) {
      expect([budgetsIn(replica), limitsIn(replica)]).toEqual([refusedCode, refusedCode]);
      expect([budgetsIn(replica, bob), limitsIn(replica, bob)]).toEqual([[], []]);
    }
  });

  test("refuses until it is understood or gone, and follows to whom it is for", () => {
    const replica = one(replicaOf(), made("b", ofTeam("blue"), unmet), made("c", ofKey("alice"), unmet));
    const moved = one(replica, changed("b", ofTeam("red"), unmet));
    expect([budgetsIn(moved), budgetsIn(moved, bob)]).toEqual([refusedCode, refusedCode]);
    const gone = one(moved, retired("c", ofKey("alice")));
    expect([budgetsIn(gone), budgetsIn(gone, bob)]).toEqual([[], refusedCode]);
    expect(budgetsIn(one(gone, changed("b", ofTeam("red"))), bob)).toEqual(["b"]);
  });

  test("two that refuse one scope are two: when one of them is understood, the other one still refuses", () => {
    const replica = one(replicaOf(), made("b", ofTeam("blue"), unmet), made("c", ofTeam("blue"), unmet));
    expect(budgetsIn(one(replica, changed("b", ofTeam("blue"))))).toBe(refusedCode);
  });

  test("of a label refuses its calls alone", () => {
    const replica = one(replicaOf(), made("b", ofLabel("apollo"), unmet));
    expect(budgetsIn(replica, alice, project("gemini"))).toEqual([]);
    expect(budgetsIn(replica, alice, project("gemini"), project("apollo"))).toBe(refusedCode);
  });

  const unheard = (scopes: string[]) => {
    const [record] = recordsOf([[made("b", ofTeam("blue"))]], 1n);
    if (!record) throw new Error("no record");
    return apply(replicaOf(), [{ ...record, type: "tollgate.v1.Unheard", scopes }]);
  };

  test("and does not say for whom refuses everybody", () => {
    expect(budgetsIn(unheard(["budget/b"]), bob)).toBe(refusedCode);
    const broken = replicaOf({ kind: "limit", id: "l", bytes: new Uint8Array([255]) });
    expect(budgetsIn(broken, bob)).toBe(refusedCode);
    const noScope = { kind: "budget", id: "b", bytes: toBinary(BudgetSchema, create(BudgetSchema, { id: "b" })) };
    expect(budgetsIn(replicaOf(noScope), bob)).toBe(refusedCode);
  });

  test("and no longer says for whom refuses everybody", () => {
    const noScope = create(BudgetChangedSchema, { budget: { id: "b", requires: ["of-tomorrow"] } });
    const replica = unheard(["budget/b", "team/blue"]);
    const [record] = recordsOf([[{ event: noScope, scopes: ["budget/b"] }]], replica.position);
    if (!record) throw new Error("no record");
    expect(budgetsIn(apply(replica, [record]), bob)).toBe(refusedCode);
  });

  test("and says for whom refuses him, where he is let in", () => {
    const replica = unheard(["budget/b", "team/blue"]);
    expect(replica.refused.has("team/blue")).toBe(true);
    expect(budgetsIn(replica, bob)).toEqual([]);
    const bytes = new Uint8Array([255]);
    const stored = replicaOf({ kind: "budget", id: "b", bytes, restrains: ["team/blue"] });
    expect([budgetsIn(stored), budgetsIn(stored, bob)]).toEqual([refusedCode, []]);
    const ofTomorrow = replicaOf({ kind: "of-tomorrow", id: "x", bytes, restrains: ["team/blue"] });
    expect([...ofTomorrow.refused.keys()]).toEqual(["of-tomorrow/x", "team/blue"]);
  });

  test("of something else changes nothing of what was found", () => {
    const [first, second] = ["server/a", "server/b"].map((scope) => unheard([scope]));
    if (!first || !second) throw new Error("both were made");
    const view = viewOf(first);
    const kinds = first.kinds;
    const bare = { ...alice, labels: [] };
    expect(budgetsOf(view, bare)).toBe(budgetsOf(viewOf({ ...second, kinds }), bare));
  });
});

const anyScope: fc.Arbitrary<Scope> = fc.oneof(
  fc.constantFrom("blue", "red").map(ofTeam),
  fc.constantFrom("alice", "bob").map(ofKey),
  fc.constantFrom(ofUser("ann"), ofUser("carol"), ofCustomer("acme"), ofCustomer("other")),
  fc.tuple(fc.constantFrom("x", "y"), fc.constantFrom("a", "b")).map(([value, name]) => ofLabel(value, name)),
);
const anyLabels = fc
  .uniqueArray(fc.record({ name: fc.constantFrom("a", "b", "c"), value: fc.constantFrom("x", "y", "z") }), {
    selector: ({ name }) => name,
  })
  .map((labels) => labels.map(({ name, value }) => `${name}=${value}`));

test("is what a model without an index, a cache or a view says, over a history of changes", () => {
  const step = fc.record({ id: fc.constantFrom("1", "2", "3", "4"), scope: anyScope, isRetired: fc.boolean() });
  const history = fc.array(fc.tuple(step, fc.constantFrom(alice, bob), anyLabels), { maxLength: 20 });
  fc.assert(
    fc.property(history, (steps) => {
      const scopes = new Map<string, Scope>();
      let replica = replicaOf();
      for (const [{ id, scope, isRetired }, who, labels] of steps) {
        const event = isRetired ? retired(id, scope) : changed(id, scope);
        replica = apply(replica, recordsOf([[event]], replica.position));
        if (isRetired) scopes.delete(id);
        else scopes.set(id, scope);
        const above = who === alice ? ["user/ann", "customer/acme"] : [];
        const own = [...above, `key/${who.key.id}`, `team/${who.team.id}`, ...labels.map((label) => `label/${label}`)];
        const expected = [...scopes].filter(([, of]) => own.includes(scopeText(of))).map(([name]) => name);
        const found = budgetsIn(replica, who, ...labels);
        expect([...found].sort()).toEqual(expected.sort());
      }
    }),
  );
});
