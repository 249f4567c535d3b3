// The charges of an ordinary call are the same list for all calls like it, found by what they are made of. If a list were given out for a
// call that is charged with something else, somebody else would pay, or nobody; if it were never found, each call would make its own.

import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { storedScope } from "@tollgate/kernel/quotas/quota-scope";
import {
  BudgetFeature,
  BudgetSchema,
  KeySchema,
  LimitMeasure,
  LimitSchema,
  ModelPriceSchema,
  ProviderSchema,
  TeamSchema,
} from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { viewWith, type Resource } from "../fixtures/gate-fixture.ts";
import { chargesOf, type Chargeable } from "./charges.ts";
import { readRequest, type BodyOperation } from "./wire/request.ts";

const scope = storedScope({ kind: "key", id: "alice" });
const budget = (id: string, more: MessageInitShape<typeof BudgetSchema> = {}): Resource => {
  const made = create(BudgetSchema, { hard: true, ...more, id, name: id, scope });
  return { kind: "budget", id, bytes: toBinary(BudgetSchema, made) };
};
const limit = (id: string, more: MessageInitShape<typeof LimitSchema>): Resource => {
  const made = create(LimitSchema, { ...more, id, name: id, scope });
  return { kind: "limit", id, bytes: toBinary(LimitSchema, made) };
};
const search = { allow: [{ feature: BudgetFeature.WEB_SEARCH, nanoUsd: 7n }] };
const resources = [
  budget("money", search),
  budget("soft", { hard: false }),
  limit("requests", { measure: LimitMeasure.REQUESTS }),
  limit("tokens", { measure: LimitMeasure.TOKENS }),
  limit("haiku", { measure: LimitMeasure.REQUESTS, models: ["plain/haiku"] }),
];

const alice = {
  key: create(KeySchema, { id: "alice", teamId: "blue" }),
  team: create(TeamSchema, { id: "blue" }),
  ...{ user: undefined, customer: undefined, labels: [] },
};

type Asked = {
  readonly operation?: BodyOperation;
  readonly body?: object;
  readonly model?: string;
  readonly policyLimits?: NonNullable<Chargeable["policyLimits"]>;
};

const view = viewWith(resources);

function callOf({ operation = "messages", body = {}, model = "sonnet", policyLimits = [] }: Asked = {}): Chargeable {
  const bytes = Buffer.from(JSON.stringify({ model, max_tokens: 9, messages: [], ...body }));
  const request = readRequest(operation, bytes);
  if ("problem" in request) throw new Error(request.problem);
  const price = { price: create(ModelPriceSchema, {}), version: "1" };
  return {
    ...{ view, principal: alice, provider: create(ProviderSchema, { id: "p", name: "plain" }), model, price },
    ...{ policyLimits, call: { sent: { kind: "call", request, path: "/v1/messages" }, requestId: "r" } },
  };
}

const chargesIn = (call: Chargeable) => {
  const charged = chargesOf(call);
  if ("refusal" in charged) throw new Error(charged.refusal.code);
  return charged.charges;
};
const subjectsIn = (call: Chargeable): string[] => chargesIn(call).map(({ subject }) => subject);

const usual = ["budget/money", "limit/requests", "limit/tokens"];

test("are one list for all ordinary calls of a key, with its hard budgets and its limits", () => {
  const list = chargesIn(callOf());
  expect(list.map(({ subject }) => subject)).toEqual(usual);
  expect(chargesIn(callOf({ body: { max_tokens: 5 } }))).toBe(list);
});

test("are another list where another limit is for the model, and each is found again", () => {
  const [sonnet, haiku] = [chargesIn(callOf()), chargesIn(callOf({ model: "haiku" }))];
  expect(haiku.map(({ subject }) => subject)).toEqual([
    "budget/money",
    "limit/haiku",
    "limit/requests",
    "limit/tokens",
  ]);
  expect([chargesIn(callOf()), chargesIn(callOf({ model: "haiku" }))]).toEqual([sonnet, haiku]);
  expect(chargesIn(callOf({ model: "haiku" }))).toBe(haiku);
});

test("have no list in common with those of a call that has something of its own", () => {
  const list = chargesIn(callOf());
  const tools = [{ type: "web_search_20250305", name: "web_search", max_uses: 1 }];
  const searching = chargesIn(callOf({ body: { tools } }));
  expect(searching.map(({ subject }) => subject)).toEqual(usual);
  expect(searching[0]?.of).toMatchObject({ allowanceNanoUsd: 7n });
  const policyLimits = [{ policyId: "x", policyName: "x", measure: LimitMeasure.REQUESTS, amount: 1n }];
  expect(subjectsIn(callOf({ policyLimits }))).toEqual(["policy/x", ...usual]);
  expect(chargesIn(callOf())).toBe(list);
  expect(list[0]?.of).toMatchObject({ allowanceNanoUsd: 0n });
});

test("are of a call that costs nothing the requests alone", () => {
  expect(subjectsIn(callOf({ operation: "messages/count_tokens" }))).toEqual(["limit/requests"]);
});

test("refuse what cannot be bounded, whatever was charged to such calls before", () => {
  chargesOf(callOf());
  expect(chargesOf({ ...callOf(), price: undefined })).toMatchObject({ refusal: { code: "budget.unpriced" } });
  const other = viewWith([budget("money"), ...resources.slice(1)]);
  const tools = [{ type: "web_search_20250305", name: "web_search", max_uses: 1 }];
  const refused = chargesOf({ ...callOf({ body: { tools } }), view: other });
  expect(refused).toMatchObject({ refusal: { code: "budget.unbounded" } });
});

test("are made anew where a budget has changed", () => {
  const before = chargesIn(callOf());
  const changed = viewWith([budget("money", { ...search, limitNanoUsd: 5n }), ...resources.slice(1)]);
  const after = chargesIn({ ...callOf(), view: changed });
  expect(after[0]?.of).toMatchObject({ budget: { limitNanoUsd: 5n } });
  expect(chargesIn(callOf())[0]?.of).toEqual(before[0]?.of);
});
