// How budgets stand, as the ledger has it. A budget is shown as it was last changed, so the ledger is asked for the same one.

import { Inject } from "@nestjs/common";
import { Args, Context, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import type { Budget as BudgetResource, BudgetThreshold as ThresholdResource } from "@tollgate/schema/resources";
import type { RequestContext } from "../access/request-context.ts";
import type {
  Budget,
  BudgetShareKind,
  BudgetShares,
  BudgetThreshold,
  BudgetThresholdConnection,
  BudgetUsage,
  BudgetUsageByChildArgs,
  QueryBudgetThresholdsArgs,
} from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { instantToApi } from "../graphql/scalars.ts";
import { budgetThresholds } from "../ledger/budget-threshold.projection.ts";
import { readShares, type ShareKind } from "../ledger/shares.ts";
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
  async usage(@Parent() { id }: Resolved<Budget>): Promise<UsageOf | null> {
    const { database, nowMs } = this.#plane;
    const budget = await foldStream(database.sql, budgetDecider, id);
    if (budget === undefined) return null;
    const usage = await readUsage(database.sql, budget, nowMs());
    if (usage === undefined) return null;
    const { limit, spent, reserved, lent, beginsMs, endsMs } = usage;
    const period = { periodBegins: dateAt(beginsMs), periodEnds: dateAt(endsMs) };
    return { limit, spent, reserved, lent, ...period, budget };
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

/** With the budget that it is of. */
type UsageOf = Omit<BudgetUsage, "byChild"> & { readonly budget: BudgetResource };

const sharesUsual = 10;
const sharesMax = 100;
/** Each adds up the calls of a period. */
const sharedPerRequestMax = 20;
const shareKinds = { team: "TEAM", user: "USER", key: "KEY" } as const satisfies Record<ShareKind, BudgetShareKind>;

@Resolver("BudgetUsage")
export class BudgetSharesResolver {
  readonly #plane: Plane;
  readonly #asked = new WeakMap<RequestContext, number>();

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @ResolveField()
  async byChild(
    @Parent() { budget, periodBegins, periodEnds }: UsageOf,
    @Args() { first }: BudgetUsageByChildArgs,
    @Context() context: RequestContext,
  ): Promise<BudgetShares | null> {
    const count = first ?? sharesUsual;
    if (count < 1 || count > sharesMax)
      throw new TollgateError("request.invalid", `\`first\` is a number from 1 to ${sharesMax}.`);
    const asked = (this.#asked.get(context) ?? 0) + 1;
    this.#asked.set(context, asked);
    if (asked > sharedPerRequestMax)
      throw new TollgateError("request.invalid", `\`byChild\` is answered of ${sharedPerRequestMax} budgets at once.`);
    const span = { beginsMs: periodBegins?.getTime(), endsMs: periodEnds?.getTime() };
    const found = await readShares(this.#plane.database.sql, budget, span, count);
    return found === undefined
      ? null
      : { nodes: found.shares.map((share) => ({ ...share, kind: shareKinds[share.kind] })), rest: found.rest };
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
