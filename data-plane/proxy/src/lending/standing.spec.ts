// How budgets and limits stand, as it is told: each by what the ledger said of it, and of none by another's. What is left of a period
// is counted from before it was asked, so that nobody uses a lease for too long; told as it is, a day would end on the day before.

import { create } from "@bufbuild/protobuf";
import { BudgetPeriod, BudgetSchema, LimitMeasure, LimitSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { budgetCharge, limitCharge } from "./charged.ts";
import type { News } from "./desk.ts";
import { shortageOf, standingOf } from "./standing.ts";

test("a reset is the second at which the period ends, though a little less is counted", () => {
  const budget = create(BudgetSchema, { limitNanoUsd: 1n, period: BudgetPeriod.MONTH });
  const charge = {
    subject: "budget/one",
    kind: "money",
    of: { kind: "budget", budget, allowanceNanoUsd: 0n },
  } as const;
  const endMs = Date.parse("2026-12-01T00:00:00Z");
  const lacking = {
    ask: { subject: "budget/one", kind: "money", amount: 1n },
    reason: "spent",
    news: undefined,
    roomInMs: undefined,
  } as const;
  const told = [-40, 0, 3].map((byMs) => shortageOf(charge, { ...lacking, msLeft: 60_000 + byMs }, endMs - 60_000));
  const shortage = { kind: "spent", allowance: expect.objectContaining({ resetMs: endMs }) };
  expect(told).toEqual([shortage, shortage, shortage]);
});

test("each is told by its own news, at one time, and by itself where there is none", () => {
  const budget = (id: string) => create(BudgetSchema, { id, limitNanoUsd: 900n, period: BudgetPeriod.DAY });
  const limit = (id: string, measure: LimitMeasure) => create(LimitSchema, { id, measure, amount: 30n });
  const charges = [
    limitCharge(limit("calls", LimitMeasure.CONCURRENT_CALLS)),
    budgetCharge(budget("one"), 0n),
    limitCharge(limit("requests", LimitMeasure.REQUESTS)),
    budgetCharge(budget("other"), 0n),
    budgetCharge(budget("unheard"), 0n),
  ];
  const nothing: News = { news: undefined, msLeft: undefined, roomInMs: undefined };
  const known = new Map<string, News>([
    ["budget/one", { ...nothing, news: { limit: 100n, settled: 60n, counted: 70n }, msLeft: 5_000 }],
    ["budget/other", { ...nothing, news: { limit: 200n, settled: 20n, counted: 20n } }],
    ["limit/requests", { ...nothing, news: { limit: 30n, settled: 0n, counted: 29n }, roomInMs: 400 }],
  ]);
  const now = { monotonicMs: 7, wallMs: 1_000_000 };
  const desk = {
    now: () => now,
    news: (subject: string, at: typeof now) => (at === now ? (known.get(subject) ?? nothing) : nothing),
  };
  const { allowances, limits } = standingOf(desk, charges);
  expect(
    allowances.map((one) => [one.limitNanoUsd, one.settledNanoUsd, one.heldNanoUsd, one.resetMs, one.state]),
  ).toEqual([
    [100n, 60n, 10n, 1_005_000, "ok"],
    [200n, 20n, 0n, undefined, "ok"],
    [900n, 0n, 0n, undefined, "ok"],
  ]);
  expect(limits).toEqual([
    { measure: "concurrent", limit: 30, remaining: 30, resetMs: undefined },
    { measure: "requests", limit: 30, remaining: 1, resetMs: 1_000_400 },
  ]);
});
