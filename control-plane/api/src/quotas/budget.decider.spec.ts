// Decisions about budgets. An edition that changes without need gives a scope its money a second time; one that does not change
// charges it for what another scope has spent.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { limits } from "@tollgate/kernel/limits";
import { budgetDefaults, type BudgetSettings } from "@tollgate/kernel/quotas/budget-rules";
import type { Scope } from "@tollgate/kernel/quotas/quota-scope";
import {
  BudgetChangedSchema,
  BudgetCreatedSchema,
  BudgetOverrideAddedSchema,
  BudgetOverrideEndedSchema,
  BudgetRetiredSchema,
} from "@tollgate/schema/events";
import {
  BudgetFeature,
  BudgetLedgerLost,
  BudgetPeriod,
  BudgetReservation,
  BudgetSchema,
} from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { budgetDecider } from "./budget.decider.ts";

type Init = Exclude<MessageInitShape<typeof BudgetSchema>, { $typeName: string }>;

const teamId = "00000000000000t1";
const [scope, timeMs] = [{ kind: "team", id: teamId } as const, 1_000_000];
const settings: BudgetSettings = { ...budgetDefaults, scope, limitNanoUsd: 10n ** 10n, period: BudgetPeriod.MONTH };
const budget = {
  ...{ id: "b1", name: "month", scope: { of: { case: "teamId", value: teamId } }, limitNanoUsd: 10n ** 10n },
  ...{ period: BudgetPeriod.MONTH, timeZone: "UTC", hard: true, reservation: BudgetReservation.RUNNING },
  ...{ marginTokens: 2_048, onLedgerLost: BudgetLedgerLost.REFUSE, thresholdsPercent: [50, 75, 90, 100] },
  edition: 1,
} as const satisfies Init;
const created = create(BudgetCreatedSchema, { budget });
const changed = (part: Init) => create(BudgetChangedSchema, { budget: create(BudgetSchema, { ...budget, ...part }) });
const budgets = given(budgetDecider);
const creation = { kind: "create", id: "b1", name: "month", settings } as const;
const change = (part: Partial<BudgetSettings>) => ({ kind: "change", id: "b1", settings: part }) as const;

test("a budget takes its name and holds whom it is for, but never a key, whose revocation it would stop", () => {
  budgets()
    .when(creation)
    .then([created], { reserve: "month", refer: [`team/${teamId}`] });
  const ofKey: Scope = { kind: "key", id: "00000000000000k1" };
  const state = budgets()
    .when({ ...creation, settings: { ...settings, scope: ofKey } })
    .then([create(BudgetCreatedSchema, { budget: { ...budget, scope: { of: { case: "keyId", value: ofKey.id } } } })], {
      ...{ reserve: "month", refer: [] },
    });
  expect(state?.edition).toBe(1);
});

test.each<[string, Partial<BudgetSettings>, string]>([
  ["a scope without an id", { scope: { kind: "user", id: "alice" } }, "scope"],
  ["a label without a value", { scope: { kind: "label", name: "project", value: "" } }, "scope"],
  ["a label that would be two scopes", { scope: { kind: "label", name: "project", value: "a,team/x" } }, "scope"],
  ["more dollars than can be meant", { limitNanoUsd: 10n ** 18n }, "limit"],
  ["a zone that nobody knows", { timeZone: "Europe/Atlantis" }, "timeZone"],
  ["an offset in place of a zone", { timeZone: "+01:00" }, "timeZone"],
  ["thresholds that do not rise", { thresholdsPercent: [90, 50] }, "thresholds"],
  ["a threshold of nothing", { thresholdsPercent: [0] }, "thresholds"],
  ["half a token", { marginTokens: 0.5 }, "marginTokens"],
  [
    "one feature twice",
    { allow: [1n, 2n].map((nanoUsd) => ({ feature: BudgetFeature.WEB_SEARCH, nanoUsd })) },
    "allow",
  ],
])("refused: %s", (_, part, field) => {
  budgets()
    .when({ ...creation, settings: { ...settings, ...part } })
    .refused({ kind: "invalid-input", field });
  budgets(created).when(change(part)).refused({ kind: "invalid-input", field });
});

test("a change goes on with what was counted, unless it is of scope, period or zone", () => {
  const refer = [`team/${teamId}`];
  const exposureMaxNanoUsd = 5n;
  budgets(created)
    .when(change({ limitNanoUsd: 1n, hard: false, exposureMaxNanoUsd }))
    .then([changed({ limitNanoUsd: 1n, hard: false, exposureMaxNanoUsd })], { refer });
  budgets(created)
    .when(change({ period: BudgetPeriod.DAY }))
    .then([changed({ period: BudgetPeriod.DAY, edition: 2 })], { refer });
  budgets(created)
    .when(change({ timeZone: "Europe/Berlin" }))
    .then([changed({ timeZone: "Europe/Berlin", edition: 2 })], { refer });
  const label = { name: "project", value: "apollo" };
  budgets(created)
    .when(change({ scope: { kind: "label", ...label } }))
    .then([changed({ scope: { of: { case: "label", value: label } }, edition: 2 })], { refer: [] });
});

test("the same again changes nothing, in whatever order features are named; what was said can be taken back", () => {
  const allow = [BudgetFeature.MCP, BudgetFeature.WEB_SEARCH].map((feature) => ({ feature, nanoUsd: 1n }));
  const refer = [`team/${teamId}`];
  const withMore = changed({ exposureMaxNanoUsd: 0n, allow: allow.toReversed() });
  budgets(created)
    .when(change({ allow, exposureMaxNanoUsd: 0n }))
    .then([withMore], { refer });
  budgets(created, withMore)
    .when(change({ allow: allow.toReversed(), exposureMaxNanoUsd: 0n }))
    .then([]);
  budgets(created, withMore)
    .when(change({ allow: [], exposureMaxNanoUsd: undefined }))
    .then([changed({})], { refer });
});

const override = { id: "o1", amountNanoUsd: 7n, untilMs: 2_000_000, reason: "launch", by: "admin-token/a" };
const overrides = [{ ...override, untilMs: 2_000_000n }];
const added = create(BudgetOverrideAddedSchema, { budget: { ...budget, overrides } });
const add = (part: Partial<typeof override> = {}) =>
  ({ kind: "add-override", id: "b1", override: { ...override, ...part }, timeMs }) as const;

test("an override is added with who and why, and may be ended before its time", () => {
  budgets(created).when(add()).then([added]);
  const end = (overrideId: string, atMs: number) =>
    ({ kind: "end-override", id: "b1", overrideId, timeMs: atMs }) as const;
  const endedOverrides = [{ ...override, untilMs: 1_500_000n }];
  const ended = create(BudgetOverrideEndedSchema, { budget: { ...budget, overrides: endedOverrides } });
  budgets(created, added).when(end("o1", 1_500_000)).then([ended]);
  budgets(created, added, ended).when(end("o1", 1_600_000)).then([]);
  budgets(created, added).when(end("o2", 1_500_000)).refused({ kind: "not-found", scope: "override/o2" });
});

test.each<[string, Partial<typeof override>, string]>([
  ["of nothing", { amountNanoUsd: 0n }, "amount"],
  ["of more than can be meant", { amountNanoUsd: 10n ** 18n }, "amount"],
  ["that is over", { untilMs: timeMs }, "until"],
  ["without a reason", { reason: " " }, "reason"],
  ["with a reason that nobody reads", { reason: "x".repeat(limits.overrideReasonCharsMax + 1) }, "reason"],
])("refused: an override %s", (_, part, field) => {
  budgets(created).when(add(part)).refused({ kind: "invalid-input", field });
});

test("the history of overrides is bounded by what is over, and never by what is in force", () => {
  const full = (untilMs: bigint) =>
    Array.from({ length: limits.overridesPerBudgetMax }, (_, n) => ({ ...override, id: `n${n}`, untilMs }));
  const [inForce, over] = [full(2_000_000n), full(1_000n)].map((all) =>
    create(BudgetOverrideAddedSchema, { budget: { ...budget, overrides: all } }),
  );
  if (!inForce || !over) throw new Error("both were made");
  budgets(created, inForce).when(add()).refused({ kind: "invalid-input" });
  const kept = [...full(1_000n).slice(1), ...overrides];
  budgets(created, over)
    .when(add())
    .then([create(BudgetOverrideAddedSchema, { budget: { ...budget, overrides: kept } })]);
});

test("a retired budget gives its name back, and is not there any more", () => {
  const retired = create(BudgetRetiredSchema, { budget });
  budgets(created).when({ kind: "retire", id: "b1" }).then([retired], { release: true });
  const missing = { kind: "not-found", scope: "budget/b1" } as const;
  for (const command of [{ kind: "retire", id: "b1" } as const, change({}), add()])
    budgets(created, retired).when(command).refused(missing);
  budgets(created).when(creation).refused({ kind: "already-exists" });
});
