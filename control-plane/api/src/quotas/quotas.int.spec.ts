// Guarantees of budgets and limits over HTTP on a real PostgreSQL: dollars come back to the nano as they were set, whom a budget is
// for stays while it is there, and no budget stands in the way of a revocation.

import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminError } from "../../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi, type Mutated } from "../admin-api.fixture.ts";

let api: AdminApi;

beforeAll(async () => {
  api = await startAdminApi("quotas");
});

afterAll(() => api?.close());

const scopeFields = "scope { customerId teamId userId keyId label { name value } }";
const budgetFields = `budget { id name ${scopeFields} limit limitInForce period timeZone hard reservation exposureMax
  marginTokens allow { feature amount } onLedgerLost thresholds overrides { id amount until reason by } edition }`;
const limitFields = `limit { id name ${scopeFields} measure amount window models tools }`;
const run = (mutation: string, input: object | string, fields: string) => api.mutate(mutation, input, fields);
const partOf = (result: Mutated, member: string) => result[member] as { id: string } & Record<string, unknown>;
const newTeam = async (name: string) => partOf(await run("createTeam", { name }, "team { id }"), "team").id;
const newKey = async (name: string, teamId: string) =>
  partOf(await run("issueKey", { name, teamId }, "key { id }"), "key").id;
const newBudget = (name: string, scope: object, more: object = {}) =>
  run("createBudget", { name, scope, limit: "500", period: "MONTH", ...more }, budgetFields);
const noScope = { customerId: null, teamId: null, userId: null, keyId: null, label: null };

test("a budget is made with what is meant where nothing is said, changed, and read at its position", async () => {
  const teamId = await newTeam("engineering");
  const made = partOf(await newBudget("engineering-month", { teamId }, { limit: "0.000000001" }), "budget");
  expect(made).toEqual({
    ...{ id: made.id, name: "engineering-month", scope: { ...noScope, teamId }, limit: "0.000000001" },
    ...{ limitInForce: "0.000000001", period: "MONTH", timeZone: "UTC", hard: true, reservation: "RUNNING" },
    ...{ exposureMax: null, marginTokens: 2048, allow: [], onLedgerLost: "REFUSE", thresholds: [50, 75, 90, 100] },
    ...{ overrides: [], edition: 1 },
  });
  const allow = [
    { feature: "WEB_SEARCH", amount: "0.5" },
    { feature: "ADVISOR", amount: "2" },
  ];
  const wish = {
    ...{ limit: "10", period: "TOTAL", timeZone: "Europe/Berlin", hard: false, reservation: "FULL" },
    ...{ exposureMax: "1.25", marginTokens: 0, allow, onLedgerLost: "ALLOW", thresholds: [80] },
    scope: { label: { name: "project", value: "apollo" } },
  };
  const changed = await run("changeBudget", { id: made.id, ...wish }, budgetFields);
  const expected = { ...made, ...wish, scope: { ...noScope, ...wish.scope }, limitInForce: "10", edition: 2 };
  expect(changed["budget"]).toEqual(expected);
  const read = await api.admin.run(
    `query ($id: ID!, $at: Position, $label: QuotaScopeInput, $team: QuotaScopeInput) {
      ${budgetFields.replace("budget", "budget(id: $id, atLeast: $at)")}
      ofLabel: budgets(atLeast: $at, filter: { scope: $label }) { nodes { name } }
      ofTeam: budgets(atLeast: $at, filter: { scope: $team }) { nodes { name } } }`,
    { id: made.id, at: changed.position, label: wish.scope, team: { teamId } },
  );
  expect(read).toEqual({ budget: expected, ofLabel: { nodes: [{ name: made["name"] }] }, ofTeam: { nodes: [] } });
  const bare = await run("changeBudget", { id: made.id, exposureMax: null, allow: [] }, budgetFields);
  expect(bare["budget"]).toEqual({ ...expected, exposureMax: null, allow: [] });
});

test("what cannot be is refused with its field, and what is taken or missing with its name", async () => {
  const teamId = await newTeam("careful");
  const keyId = await newKey("careful", teamId);
  for (const [scope, more, field] of [
    [{}, {}, "scope"],
    [{ teamId, keyId }, {}, "scope"],
    [{ teamId: "careful" }, {}, "scope"],
    [{ teamId }, { timeZone: "Moon/Base" }, "timeZone"],
    [{ teamId }, { thresholds: [2, 1] }, "thresholds"],
    [{ teamId }, { limit: "100000000.000000001" }, "limit"],
  ] as const)
    expect(await newBudget("never", scope, more)).toMatchObject({ __typename: "InvalidInput", field });
  for (const limit of ["-1", "1e3", "0.0000000001", 5])
    expect(await newBudget("never", { teamId }, { limit }).catch((error: unknown) => error)).toBeInstanceOf(AdminError);
  expect(await newBudget("taken", { keyId })).toMatchObject({ __typename: "CreateBudgetSucceeded" });
  expect(await newBudget("taken", { teamId })).toMatchObject({ __typename: "NameTaken" });
  const nobody = "0123456789abcdef";
  for (const [field, kind] of [
    ["teamId", "team"],
    ["keyId", "key"],
    ["userId", "user"],
    ["customerId", "customer"],
  ] as const)
    expect(await newBudget("never", { [field]: nobody })).toMatchObject({
      ...{ __typename: "ReferenceMissing", scope: `${kind}/${nobody}` },
    });
  const filter = api.admin.run("{ budgets(filter: { scope: {} }) { nodes { id } } }");
  await expect(filter).rejects.toMatchObject({ errors: [{ extensions: { code: "request.invalid" } }] });
});

test("a team stays while a budget is for it; a key is revoked all the same, and gets no other", async () => {
  const teamId = await newTeam("bound");
  const keyId = await newKey("bound", teamId);
  const { id } = partOf(await newBudget("of-team", { teamId }), "budget");
  await newBudget("of-key", { keyId });
  expect(await run("revokeKey", keyId, "key { id }")).toMatchObject({ __typename: "RevokeKeySucceeded" });
  expect(await newBudget("too-late", { keyId })).toMatchObject({ scope: `key/${keyId}` });
  expect(await run("retireTeam", teamId, "id")).toMatchObject({ __typename: "InUse", by: `budget/${id}` });
  expect(await run("retireBudget", id, "id")).toMatchObject({ __typename: "RetireBudgetSucceeded" });
  expect(await run("retireTeam", teamId, "id")).toMatchObject({ __typename: "RetireTeamSucceeded" });
  expect(await run("retireBudget", id, "id")).toMatchObject({ __typename: "NotFound", scope: `budget/${id}` });
});

test("an override counts until its time or its end, and says who gave it and why", async () => {
  const teamId = await newTeam("launching");
  const { id } = partOf(await newBudget("launching", { teamId }), "budget");
  const until = (hours: number) => new Date(api.plane.nowMs() + hours * 3_600_000).toISOString();
  const add = (amount: string, hours: number, reason = "the launch") =>
    run("addBudgetOverride", { id, amount, until: until(hours), reason }, budgetFields);
  const first = partOf(await add("100", 1), "budget");
  const second = await add("20.5", 3);
  const { overrides } = second["budget"] as { overrides: { id: string }[] };
  expect(first).toMatchObject({ limit: "500", limitInForce: "600" });
  expect(overrides).toMatchObject([
    { amount: "100", reason: "the launch", by: expect.stringMatching(/^admin-token\//) },
    { amount: "20.5" },
  ]);
  api.passMs(2 * 3_600_000);
  const read = await api.admin.run(
    "query ($id: ID!, $at: Position) { budget(id: $id, atLeast: $at) { limitInForce } }",
    { id, at: second.position },
  );
  expect(read).toEqual({ budget: { limitInForce: "520.5" } });
  const ended = await run("endBudgetOverride", { id, overrideId: overrides[1]?.id }, budgetFields);
  expect(ended["budget"]).toMatchObject({ limitInForce: "500", overrides: [{}, {}] });
  expect(await run("endBudgetOverride", { id, overrideId: id }, budgetFields)).toMatchObject({
    scope: `override/${id}`,
  });
  expect(await add("1", -1)).toMatchObject({ __typename: "InvalidInput", field: "until" });
  expect(await add("1", 1, "")).toMatchObject({ __typename: "InvalidInput", field: "reason" });
});

test("a limit is made, changed, listed by whom it is for, and retired", async () => {
  const teamId = await newTeam("calm");
  const keyId = await newKey("calm", teamId);
  const wish = { name: "calm", scope: { keyId }, measure: "REQUESTS", amount: "600", window: "MINUTE", tools: ["a/*"] };
  const made = partOf(await run("createLimit", wish, limitFields), "limit");
  expect(made).toEqual({ ...wish, id: made.id, scope: { ...noScope, keyId }, models: [] });
  const change = { id: made.id, measure: "CONCURRENT_CALLS", window: null, amount: "3" };
  const changed = await run("changeLimit", change, limitFields);
  expect(changed["limit"]).toEqual({ ...made, ...change });
  expect(await run("changeLimit", { id: made.id, window: "DAY" }, limitFields)).toMatchObject({ field: "window" });
  const others = { ...wish, name: "other" };
  expect(
    await run("createLimit", { ...others, scope: { label: { name: "a", value: "b" } } }, limitFields),
  ).toMatchObject({
    ...{ __typename: "InvalidInput", field: "scope" },
  });
  expect(await run("createLimit", { ...others, scope: { teamId: made.id } }, limitFields)).toMatchObject({
    ...{ __typename: "ReferenceMissing", scope: `team/${made.id}` },
  });
  const read = (at: string | undefined) =>
    api.admin.run(
      `query ($id: ID!, $at: Position, $of: QuotaScopeInput) { limit(id: $id, atLeast: $at) { amount window }
        limits(atLeast: $at, filter: { scope: $of }) { nodes { name } } }`,
      { id: made.id, at, of: { keyId } },
    );
  expect(await read(changed.position)).toEqual({
    ...{ limit: { amount: "3", window: null }, limits: { nodes: [{ name: "calm" }] } },
  });
  const retired = await run("retireLimit", made.id, "id");
  expect(await read(retired.position)).toEqual({ limit: null, limits: { nodes: [] } });
  expect(await run("retireLimit", made.id, "id")).toMatchObject({ __typename: "NotFound" });
});
