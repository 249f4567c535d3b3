// When a threshold counts as reached, and that it is said once. Said twice, somebody is paged twice; not said, nobody is.

import { create } from "@bufbuild/protobuf";
import { BudgetThresholdReachedSchema } from "@tollgate/schema/events";
import { expect, test } from "vitest";
import { given } from "../decider.fixture.ts";
import { budgetThresholdDecider, isReached, thresholdId, type ReachCommand } from "./budget-threshold.decider.ts";

const thresholds = given(budgetThresholdDecider);
const standing = { budgetId: "b1", account: "budget/b1/1/2026-11", limitNanoUsd: 100n, spentNanoUsd: 75n };
const command: ReachCommand = { kind: "reach", id: "b1.1.2026-11.0075", percent: 75, standing, timeMs: 5 };
const reached = create(BudgetThresholdReachedSchema, {
  threshold: { id: command.id, percent: 75, ...standing, atMs: 5n },
});

test("it is reached to the nano-dollar, said once, and stays reached by a limit that was raised", () => {
  thresholds().when(command).then([reached]);
  thresholds()
    .when({ ...command, standing: { ...standing, spentNanoUsd: 74n } })
    .then([]);
  thresholds(reached).when(command).then([]);
  thresholds(reached)
    .when({ ...command, standing: { ...standing, limitNanoUsd: 200n, spentNanoUsd: 150n } })
    .then([]);
});

test("nothing is said of a budget that is there no more, and nothing is reached of nothing before something is spent", () => {
  thresholds()
    .when({ ...command, standing: undefined })
    .then([]);
  expect(isReached({ limitNanoUsd: 0n, spentNanoUsd: 0n }, 100)).toBe(false);
  expect(isReached({ limitNanoUsd: 0n, spentNanoUsd: 1n }, 100)).toBe(true);
});

test("ids tell account and threshold, and sort as they are reached", () => {
  const ids = [50, 90, 100, 1_000].map((percent) => thresholdId(standing.account, percent));
  expect(ids[0]).toBe("b1.1.2026-11.0050");
  expect(ids.toSorted()).toEqual(ids);
});
