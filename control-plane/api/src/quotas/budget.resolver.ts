// Budgets in the admin API: input to command, state to answer. What was spent is shown by `budget-usage.resolver.ts`.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Budget as BudgetResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  AddBudgetOverrideResult,
  Budget,
  BudgetConnection,
  ChangeBudgetResult,
  CreateBudgetResult,
  EndBudgetOverrideResult,
  MutationAddBudgetOverrideArgs,
  MutationChangeBudgetArgs,
  MutationCreateBudgetArgs,
  MutationEndBudgetOverrideArgs,
  MutationRetireBudgetArgs,
  QueryBudgetArgs,
  QueryBudgetsArgs,
  RetireBudgetResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle, type Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { PLANE, type Plane } from "../plane.ts";
import { budgetDecider, type BudgetCommand } from "./budget.decider.ts";
import { budgetChangeFromApi, budgetToApi, newBudgetFromApi } from "./budget-to-api.ts";
import { missingKey } from "./quota-holders.ts";
import { budgets } from "./quota.projection.ts";
import { filterFromApi } from "./quota-scope-to-api.ts";

@Resolver()
export class BudgetResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  budget(@Args() args: QueryBudgetArgs): Promise<Resolved<Budget> | null> {
    return oneResource(this.#plane, budgets, args, (budget) => this.#toApi(budget));
  }

  @Query()
  async budgets(@Args() { filter, ...args }: QueryBudgetsArgs): Promise<Resolved<BudgetConnection>> {
    const wish = { ...args, ...filterFromApi(filter) };
    return listResources(this.#plane, budgets, wish, (budget) => this.#toApi(budget));
  }

  @Mutation()
  async createBudget(
    @Args() { input }: MutationCreateBudgetArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreateBudgetResult>> {
    const { database } = this.#plane;
    const settings = newBudgetFromApi(input);
    if (settings.outcome === "refused") return refusalToApi(settings.refusal, "invalid-input");
    const missing = await missingKey(database.sql, settings.value.scope);
    if (missing) return refusalToApi(missing, "reference-missing");
    const command = { kind: "create", id: this.#newId(), name: input.name, settings: settings.value } as const;
    const answer = this.#answer("CreateBudgetSucceeded");
    const done = await this.#handle(metaOf(context, this.#plane), command, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeBudget(
    @Args() { input }: MutationChangeBudgetArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeBudgetResult>> {
    const settings = budgetChangeFromApi(input);
    if (settings.outcome === "refused") return refusalToApi(settings.refusal, "invalid-input");
    const missing = await missingKey(this.#plane.database.sql, settings.value.scope);
    if (missing) return refusalToApi(missing, "reference-missing");
    const command = { kind: "change", id: input.id, settings: settings.value } as const;
    const answer = this.#answer("ChangeBudgetSucceeded");
    const done = await this.#handle(metaOf(context, this.#plane), command, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async addBudgetOverride(
    @Args() { input: { id, amount, until, reason } }: MutationAddBudgetOverrideArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<AddBudgetOverrideResult>> {
    const meta = metaOf(context, this.#plane);
    const said = { amountNanoUsd: amount, untilMs: until.getTime(), reason, by: context.actor };
    const command = {
      kind: "add-override",
      id,
      override: { id: this.#newId(), ...said },
      timeMs: meta.timeMs,
    } as const;
    const answer = this.#answer("AddBudgetOverrideSucceeded");
    const done = await this.#handle(meta, command, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "not-found");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async endBudgetOverride(
    @Args() { input: { id, overrideId } }: MutationEndBudgetOverrideArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<EndBudgetOverrideResult>> {
    const meta = metaOf(context, this.#plane);
    const command = { kind: "end-override", id, overrideId, timeMs: meta.timeMs } as const;
    const answer = this.#answer("EndBudgetOverrideSucceeded");
    const done = await this.#handle(meta, command, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireBudget(
    @Args() { id }: MutationRetireBudgetArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireBudgetResult>> {
    const answer = () => ({ __typename: "RetireBudgetSucceeded", id }) as const;
    const done = await this.#handle(metaOf(context, this.#plane), { kind: "retire", id }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(), position: done.position };
  }

  #handle(meta: Meta, command: BudgetCommand, answer: (budget: BudgetResource | undefined) => AnswerBody) {
    return handle(this.#plane.database, { decider: budgetDecider, id: command.id, command }, meta, { answer });
  }

  #newId(): string {
    return idFromBytes(this.#plane.randomBytes(idBytes));
  }

  #answer<Name extends string>(name: Name) {
    return (budget: BudgetResource | undefined) => ({ __typename: name, budget: this.#toApi(existing(budget)) });
  }

  #toApi(budget: BudgetResource): Resolved<Budget> {
    return budgetToApi(budget, this.#plane.nowMs());
  }
}
