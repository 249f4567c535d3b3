// Model aliases in the admin API: input to command, state to answer.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes, scopeOf } from "@tollgate/kernel/ids";
import type { ModelAlias as ModelAliasResource, Provider as ProviderResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ChangeModelAliasResult,
  CreateModelAliasResult,
  ModelAlias,
  ModelAliasConnection,
  ModelTarget,
  MutationChangeModelAliasArgs,
  MutationCreateModelAliasArgs,
  MutationRetireModelAliasArgs,
  Provider,
  QueryModelAliasArgs,
  QueryModelAliasesArgs,
  RetireModelAliasResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { batched } from "../listing/batched.ts";
import { listResources, oneResource, referredResources } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { PLANE, type Plane } from "../plane.ts";
import { providers } from "../providers/provider.projection.ts";
import { providerToApi } from "../providers/provider-to-api.ts";
import { modelAliasDecider, type ModelAliasCommand } from "./model-alias.decider.ts";
import { modelAliases } from "./model-alias.projection.ts";
import { modelAliasToApi, targetsFromApi } from "./model-alias-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (alias: ModelAliasResource | undefined) => {
    return { __typename: name, modelAlias: modelAliasToApi(existing(alias)) };
  };
}

@Resolver()
export class ModelAliasResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  modelAlias(@Args() args: QueryModelAliasArgs): Promise<Resolved<ModelAlias> | null> {
    return oneResource(this.#plane, modelAliases, args, modelAliasToApi);
  }

  @Query()
  modelAliases(@Args() { filter, ...args }: QueryModelAliasesArgs): Promise<Resolved<ModelAliasConnection>> {
    return listResources(this.#plane, modelAliases, { ...args, ...filter }, modelAliasToApi);
  }

  @Mutation()
  async createModelAlias(
    @Args() { input: { name, targets } }: MutationCreateModelAliasArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreateModelAliasResult>> {
    const found = await targetsFromApi(this.#plane.database.sql, targets);
    if (found.outcome === "refused") return refusalToApi(found.refusal, "reference-missing");
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const answer = answerOf("CreateModelAliasSucceeded");
    const done = await this.#handle(context, { kind: "create", id, name, targets: found.targets }, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeModelAlias(
    @Args() { input: { id, targets } }: MutationChangeModelAliasArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeModelAliasResult>> {
    const found = await targetsFromApi(this.#plane.database.sql, targets);
    if (found.outcome === "refused") return refusalToApi(found.refusal, "reference-missing");
    const answer = answerOf("ChangeModelAliasSucceeded");
    const done = await this.#handle(context, { kind: "change", id, targets: found.targets }, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireModelAlias(
    @Args() { id }: MutationRetireModelAliasArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireModelAliasResult>> {
    const answer = () => ({ __typename: "RetireModelAliasSucceeded", id }) as const;
    const done = await this.#handle(context, { kind: "retire", id }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(), position: done.position };
  }

  #handle(
    context: RequestContext,
    command: ModelAliasCommand,
    answer: (alias: ModelAliasResource | undefined) => AnswerBody,
  ) {
    const step = { decider: modelAliasDecider, id: command.id, command };
    return handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
  }
}

@Resolver("ModelTarget")
export class ModelTargetResolver {
  readonly #providerOf: (id: string) => Promise<ProviderResource | undefined>;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#providerOf = batched((ids) => referredResources(plane, providers, ids));
  }

  @ResolveField()
  async provider(@Parent() { providerId }: Resolved<ModelTarget>): Promise<Resolved<Provider>> {
    const provider = await this.#providerOf(providerId);
    // A provider is kept while an alias stands for it, and the rows of providers outlive them.
    if (!provider) throw new Error(`${scopeOf("provider", providerId)} is nowhere`);
    return providerToApi(provider);
  }
}
