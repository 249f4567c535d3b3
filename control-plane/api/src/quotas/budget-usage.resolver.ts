// How budgets stand, as the ledger has it. A budget is shown as it was last changed, so the ledger is asked for the same one.

import { Inject } from "@nestjs/common";
import { Args, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { limits } from "@tollgate/kernel/limits";
import type { BudgetThreshold as ThresholdResource } from "@tollgate/schema/resources";
import type {
  Budget,
  BudgetThreshold,
  BudgetThresholdConnection,
  BudgetUsage,
  QueryBudgetThresholdsArgs,
} from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { instantToApi } from "../graphql/scalars.ts";
import { budgetThresholds } from "../ledger/budget-threshold.projection.ts";
import { budgetSubject } from "../ledger/subjects.ts";
import { readUsage } from "../ledger/usage.ts";
import { listResources } from "../listing/resource-rows.ts";
import { foldStream } from "../log/fold-stream.ts";
import { PLANE, type Plane } from "../plane.ts";
import { budgetDecider } from "./budget.decider.ts";

@Resolver("Budget")
export class BudgetUsageResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @ResolveField()
  async usage(@Parent() { id }: Resolved<Budget>): Promise<BudgetUsage | null> {
    const { database, nowMs } = this.#plane;
    const budget = await foldStream(database.sql, budgetDecider, id);
    const usage = budget && (await readUsage(database.sql, budget, nowMs()));
    if (usage === undefined) return null;
    const { limit, spent, reserved, lent, beginsMs, endsMs } = usage;
    return { limit, spent, reserved, lent, periodBegins: dateAt(beginsMs), periodEnds: dateAt(endsMs) };
  }

  @ResolveField()
  async reached(@Parent() { id }: Resolved<Budget>): Promise<BudgetThreshold[]> {
    const { database, nowMs } = this.#plane;
    const budget = await foldStream(database.sql, budgetDecider, id);
    const subject = budgetSubject(budget, "budget", nowMs());
    if (subject === undefined) return [];
    const wish = { parentId: subject.account, first: limits.pageRowsMax };
    return (await listResources(this.#plane, budgetThresholds, wish, thresholdToApi)).nodes;
  }

  @Query()
  budgetThresholds(@Args() { budgetId, ...args }: QueryBudgetThresholdsArgs): Promise<BudgetThresholdConnection> {
    return listResources(this.#plane, budgetThresholds, { ...args, name: budgetId }, thresholdToApi);
  }
}

function thresholdToApi(threshold: ThresholdResource): BudgetThreshold {
  const { budgetId, account, percent, limitNanoUsd, spentNanoUsd, atMs } = threshold;
  // budget/<id>/<edition>/<period>
  const [, , edition = "", period = ""] = account.split("/");
  const at = instantToApi(atMs) ?? new Date(0);
  return { ...{ budgetId, percent, period, at }, edition: Number(edition), limit: limitNanoUsd, spent: spentNanoUsd };
}

function dateAt(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}
