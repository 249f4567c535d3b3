// Providers of models in the admin API. A credential's value comes in and never goes out again.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes, scopeOf } from "@tollgate/kernel/ids";
import { providerDefaults, usualBaseUrls } from "@tollgate/kernel/provider-rules";
import type { Provider as ProviderResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ChangeProviderResult,
  MutationChangeProviderArgs,
  MutationRegisterProviderArgs,
  MutationRetireProviderArgs,
  Provider,
  ProviderConnection,
  QueryProviderArgs,
  QueryProvidersArgs,
  RegisterProviderResult,
  RetireProviderResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing, foldStream } from "../log/fold-stream.ts";
import { PLANE, type Plane } from "../plane.ts";
import { commandProvider } from "./provider-command.ts";
import { providerDecider } from "./provider.decider.ts";
import { providers } from "./provider.projection.ts";
import { credentialsFromApi, kinds, providerToApi, settingsFromApi } from "./provider-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (provider: ProviderResource | undefined) => {
    return { __typename: name, provider: providerToApi(existing(provider)) };
  };
}

@Resolver()
export class ProviderResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  provider(@Args() args: QueryProviderArgs): Promise<Resolved<Provider> | null> {
    return oneResource(this.#plane, providers, args, providerToApi);
  }

  @Query()
  providers(@Args() { filter, ...args }: QueryProvidersArgs): Promise<Resolved<ProviderConnection>> {
    return listResources(this.#plane, providers, { ...args, ...filter }, providerToApi);
  }

  @Mutation()
  async registerProvider(
    @Args() { input }: MutationRegisterProviderArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RegisterProviderResult>> {
    const { name } = input;
    const credentials = credentialsFromApi(input.credentials);
    if (credentials.outcome === "refused") return refusalToApi(credentials.refusal, "invalid-input");
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const kind = kinds[input.kind];
    const usual = { ...providerDefaults, models: [], baseUrl: usualBaseUrls[kind] };
    const settings = { ...usual, kind, ...settingsFromApi(input) };
    const answer = answerOf("RegisterProviderSucceeded");
    const done = await commandProvider(this.#plane, metaOf(context, this.#plane), {
      ...{ id, name, credentials: credentials.wanted, answer },
      command: (references = []) => ({
        kind: "register",
        ...{ id, name, settings: { ...settings, credentials: references } },
      }),
    });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeProvider(
    @Args() { input }: MutationChangeProviderArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeProviderResult>> {
    const { id } = input;
    const credentials = input.credentials ? credentialsFromApi(input.credentials) : undefined;
    if (credentials?.outcome === "refused") return refusalToApi(credentials.refusal, "invalid-input");
    const former = await foldStream(this.#plane.database.sql, providerDecider, id);
    if (!former) return refusalToApi({ kind: "not-found", scope: scopeOf("provider", id) }, "not-found");
    const settings = settingsFromApi(input);
    const keepsCredentials = credentials?.wanted.every(({ source }) => source !== "kept") !== true;
    const answer = answerOf("ChangeProviderSucceeded");
    const done = await commandProvider(this.#plane, metaOf(context, this.#plane), {
      ...{ id, name: former.name, credentials: credentials?.wanted, answer },
      command: (references) => ({
        kind: "change",
        ...{ id, settings: { ...settings, ...(references ? { credentials: references } : {}) }, keepsCredentials },
      }),
    });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireProvider(
    @Args() { id }: MutationRetireProviderArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireProviderResult>> {
    const former = await foldStream(this.#plane.database.sql, providerDecider, id);
    if (!former) return refusalToApi({ kind: "not-found", scope: scopeOf("provider", id) }, "not-found");
    const answer = () => ({ __typename: "RetireProviderSucceeded", id }) as const;
    const done = await commandProvider(this.#plane, metaOf(context, this.#plane), {
      ...{ id, name: former.name, credentials: [], answer },
      command: () => ({ kind: "retire", id }),
    });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "in-use");
    return { ...answer(), position: done.position };
  }
}
