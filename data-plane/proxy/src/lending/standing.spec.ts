// When a budget resets, as it is told. What is left of a period is counted from before it was asked, so that nobody uses a lease for
// too long; told as it is, a day would end on the day before.

import { create } from "@bufbuild/protobuf";
import { BudgetPeriod, BudgetSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { shortageOf } from "./standing.ts";

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
  } as const;
  const told = [-40, 0, 3].map((byMs) => shortageOf(charge, { ...lacking, msLeft: 60_000 + byMs }, endMs - 60_000));
  const shortage = { kind: "spent", allowance: expect.objectContaining({ resetMs: endMs }) };
  expect(told).toEqual([shortage, shortage, shortage]);
});
