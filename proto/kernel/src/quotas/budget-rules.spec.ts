// How much a budget allows at a time, to the nano-dollar and the millisecond.

import { create } from "@bufbuild/protobuf";
import { BudgetSchema } from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { limits } from "../limits.ts";
import { nanoPerUsd } from "../money.ts";
import { budgetAmountMaxNanoUsd, exposureMaxOf, limitInForce, timeZoneProblem } from "./budget-rules.ts";

test("the limit in force is the limit and every override that is not over", () => {
  const overrides = [
    { amountNanoUsd: 20n, untilMs: 2_000n },
    { amountNanoUsd: 300n, untilMs: 3_000n },
  ];
  const budget = create(BudgetSchema, { limitNanoUsd: 1n, overrides });
  expect([1_999, 2_000, 2_999, 3_000].map((nowMs) => limitInForce(budget, nowMs))).toEqual([321n, 301n, 301n, 1n]);
});

test("a budget with all the overrides that it can have is an amount that 63 bits hold", () => {
  expect(budgetAmountMaxNanoUsd * BigInt(limits.overridesPerBudgetMax + 1)).toBeLessThan(2n ** 63n);
});

test.each([
  ["a twentieth of a small limit", { limitNanoUsd: 100n * nanoPerUsd }, 5n * nanoPerUsd],
  ["ten dollars of a large one", { limitNanoUsd: 1_000n * nanoPerUsd }, 10n * nanoPerUsd],
  ["what is said, also nothing", { limitNanoUsd: 100n * nanoPerUsd, exposureMaxNanoUsd: 0n }, 0n],
])("exposure is at most %s", (_, fields, expected) => {
  expect(exposureMaxOf(create(BudgetSchema, fields))).toBe(expected);
});

test("zones are those of IANA, by their names", () => {
  for (const zone of ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5"])
    expect(timeZoneProblem(zone), zone).toBeUndefined();
  for (const zone of ["", "+02:00", "Europe/", "Moon/Base", "Europe/Berlin ", "a".repeat(limits.timeZoneCharsMax + 1)])
    expect(timeZoneProblem(zone), zone).toBeDefined();
});
