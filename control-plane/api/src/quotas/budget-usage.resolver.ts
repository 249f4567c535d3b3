// How budgets stand, as the ledger has it. A budget is shown as it was last changed, so the ledger is asked for the same one.

import { Inject } from "@nestjs/common";
import { Parent, ResolveField, Resolver } from "@nestjs/graphql";
import type { Budget, BudgetUsage } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { readUsage } from "../ledger/usage.ts";
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
}

function dateAt(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}
