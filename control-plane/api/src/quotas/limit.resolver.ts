// Limits in the admin API: input to command, state to answer.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Limit as LimitResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ChangeLimitResult,
  CreateLimitResult,
  Limit,
  LimitConnection,
  MutationChangeLimitArgs,
  MutationCreateLimitArgs,
  MutationRetireLimitArgs,
  QueryLimitArgs,
  QueryLimitsArgs,
  RetireLimitResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { PLANE, type Plane } from "../plane.ts";
import { limitDecider, type LimitCommand } from "./limit.decider.ts";
import { limitChangeFromApi, limitToApi, newLimitFromApi } from "./limit-to-api.ts";
import { missingKey } from "./quota-holders.ts";
import { limits } from "./quota.projection.ts";
import { filterFromApi } from "./quota-scope-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (limit: LimitResource | undefined) => ({ __typename: name, limit: limitToApi(existing(limit)) });
}

@Resolver()
export class LimitResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  limit(@Args() args: QueryLimitArgs): Promise<Limit | null> {
    return oneResource(this.#plane, limits, args, limitToApi);
  }

  @Query()
  async limits(@Args() { filter, ...args }: QueryLimitsArgs): Promise<LimitConnection> {
    return listResources(this.#plane, limits, { ...args, ...filterFromApi(filter) }, limitToApi);
  }

  @Mutation()
  async createLimit(
    @Args() { input }: MutationCreateLimitArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreateLimitResult>> {
    const { database, randomBytes } = this.#plane;
    const settings = newLimitFromApi(input);
    if (settings.outcome === "refused") return refusalToApi(settings.refusal, "invalid-input");
    const missing = await missingKey(database.sql, settings.value.scope);
    if (missing) return refusalToApi(missing, "reference-missing");
    const command = { kind: "create", id: idFromBytes(randomBytes(idBytes)), name: input.name } as const;
    const answer = answerOf("CreateLimitSucceeded");
    const done = await this.#handle(context, { ...command, settings: settings.value }, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeLimit(
    @Args() { input }: MutationChangeLimitArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeLimitResult>> {
    const settings = limitChangeFromApi(input);
    if (settings.outcome === "refused") return refusalToApi(settings.refusal, "invalid-input");
    const missing = await missingKey(this.#plane.database.sql, settings.value.scope);
    if (missing) return refusalToApi(missing, "reference-missing");
    const answer = answerOf("ChangeLimitSucceeded");
    const done = await this.#handle(context, { kind: "change", id: input.id, settings: settings.value }, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireLimit(
    @Args() { id }: MutationRetireLimitArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireLimitResult>> {
    const answer = () => ({ __typename: "RetireLimitSucceeded", id }) as const;
    const done = await this.#handle(context, { kind: "retire", id }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(), position: done.position };
  }

  #handle(context: RequestContext, command: LimitCommand, answer: (limit: LimitResource | undefined) => AnswerBody) {
    const step = { decider: limitDecider, id: command.id, command };
    return handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
  }
}
