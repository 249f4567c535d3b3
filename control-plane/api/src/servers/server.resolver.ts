// Upstream MCP servers in the admin API. A header's value comes in and never goes out again.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes, scopeOf } from "@tollgate/kernel/ids";
import type { Server as ServerResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ChangeServerResult,
  MutationChangeServerArgs,
  MutationRegisterServerArgs,
  MutationRetireServerArgs,
  QueryServerArgs,
  QueryServersArgs,
  RegisterServerResult,
  RetireServerResult,
  Server,
  ServerConnection,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing, foldStream } from "../log/fold-stream.ts";
import { PLANE, type Plane } from "../plane.ts";
import { withdrawals } from "../tool-approvals/withdrawals.ts";
import { commandServer } from "./server-command.ts";
import { serverDecider, usualSettings } from "./server.decider.ts";
import { servers } from "./server.projection.ts";
import { credentialsFromApi, serverToApi, settingsFromApi } from "./server-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (server: ServerResource | undefined) => ({ __typename: name, server: serverToApi(existing(server)) });
}

@Resolver()
export class ServerResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  server(@Args() args: QueryServerArgs): Promise<Resolved<Server> | null> {
    return oneResource(this.#plane, servers, args, serverToApi);
  }

  @Query()
  servers(@Args() { filter, ...args }: QueryServersArgs): Promise<Resolved<ServerConnection>> {
    return listResources(this.#plane, servers, { ...args, ...filter }, serverToApi);
  }

  @Mutation()
  async registerServer(
    @Args() { input }: MutationRegisterServerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RegisterServerResult>> {
    const { name } = input;
    const credentials = credentialsFromApi(input);
    if (credentials.outcome === "refused") return refusalToApi(credentials.refusal, "invalid-input");
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const settings = { ...usualSettings, ...settingsFromApi(input) };
    const answer = answerOf("RegisterServerSucceeded");
    const done = await commandServer(this.#plane, metaOf(context, this.#plane), {
      ...{ name, credentials: credentials.wanted, answer },
      command: (references) => ({ kind: "register", id, name, ...settings, ...references }),
    });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeServer(
    @Args() { input }: MutationChangeServerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeServerResult>> {
    const { id } = input;
    const credentials = credentialsFromApi(input);
    if (credentials.outcome === "refused") return refusalToApi(credentials.refusal, "invalid-input");
    const former = await foldStream(this.#plane.database.sql, serverDecider, id);
    if (!former) return refusalToApi({ kind: "not-found", scope: scopeOf("server", id) }, "not-found");
    const settings = settingsFromApi(input);
    const answer = answerOf("ChangeServerSucceeded");
    const done = await commandServer(this.#plane, metaOf(context, this.#plane), {
      ...{ name: former.name, credentials: credentials.wanted, answer },
      command: (references) => ({ kind: "change", id, settings: { ...settings, ...references } }),
    });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireServer(
    @Args() { id }: MutationRetireServerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireServerResult>> {
    const former = await foldStream(this.#plane.database.sql, serverDecider, id);
    if (!former) return refusalToApi({ kind: "not-found", scope: scopeOf("server", id) }, "not-found");
    const answer = () => ({ __typename: "RetireServerSucceeded", id }) as const;
    const done = await commandServer(this.#plane, metaOf(context, this.#plane), {
      ...{ name: former.name, credentials: { headers: [], environment: [] }, answer },
      command: () => ({ kind: "retire", id }),
      alongside: () => withdrawals(this.#plane, id),
    });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(), position: done.position };
  }
}
