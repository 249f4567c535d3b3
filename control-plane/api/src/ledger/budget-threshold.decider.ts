// That a threshold of a budget was reached, once for each period and threshold: its stream has one event, so that whoever finds it
// later, or at the same time, adds nothing. How the budget stands comes with the command, out of the transaction that appends.

import { create } from "@bufbuild/protobuf";
import { accept, type Decider } from "@tollgate/kernel/decider";
import { BudgetThresholdReachedSchema, type BudgetThresholdReached } from "@tollgate/schema/events";
import type { BudgetThreshold } from "@tollgate/schema/resources";

export type BudgetStanding = {
  readonly budgetId: string;
  readonly account: string;
  readonly limitNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
};

export type ReachCommand = {
  kind: "reach";
  id: string;
  percent: number;
  /** Undefined: it is not lent from any more. */
  standing: BudgetStanding | undefined;
  timeMs: number;
};

export const budgetThresholdDecider: Decider<BudgetThreshold | undefined, ReachCommand, BudgetThresholdReached, never> =
  {
    stream: "budget-threshold",
    initial: undefined,
    evolve: (_, event) => event.threshold,
    decide({ id, percent, standing, timeMs }, reached) {
      if (reached !== undefined || standing === undefined || !isReached(standing, percent)) return accept([]);
      return accept([
        create(BudgetThresholdReachedSchema, { threshold: { id, percent, ...standing, atMs: BigInt(timeMs) } }),
      ]);
    },
  };

/** Of nothing, nothing is reached before something is spent. */
export function isReached(
  { limitNanoUsd, spentNanoUsd }: Pick<BudgetStanding, "limitNanoUsd" | "spentNanoUsd">,
  percent: number,
): boolean {
  return spentNanoUsd > 0n && spentNanoUsd * 100n >= limitNanoUsd * BigInt(percent);
}

const percentDigits = 4;

/** `budget/<id>/<edition>/<period>` and 75: `<id>.<edition>.<period>.0075`, so that they sort as they are reached. */
export function thresholdId(account: string, percent: number): string {
  return [...account.split("/").slice(1), String(percent).padStart(percentDigits, "0")].join(".");
}
