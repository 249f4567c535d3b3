// Environments in the admin API: set by name, listed and retired.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Environment as EnvironmentResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  Environment,
  EnvironmentConnection,
  MutationRetireEnvironmentArgs,
  MutationSetEnvironmentArgs,
  QueryEnvironmentsArgs,
  RetireEnvironmentResult,
  SetEnvironmentResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { listResources } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import { holderOf } from "../log/names.ts";
import { untilNamesHold } from "../log/named.ts";
import { PLANE, type Plane } from "../plane.ts";
import { environmentDecider } from "./environment.decider.ts";
import { environments } from "./environment.projection.ts";

function environmentToApi({ id, name, replicaAgeMsMax }: EnvironmentResource): Environment {
  return { id, name, replicaAgeMsMax: replicaAgeMsMax ?? null };
}

@Resolver()
export class EnvironmentResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  environments(@Args() { filter, ...args }: QueryEnvironmentsArgs): Promise<EnvironmentConnection> {
    return listResources(this.#plane, environments, { ...args, ...filter }, environmentToApi);
  }

  @Mutation()
  async setEnvironment(
    @Args() { input: { name, replicaAgeMsMax } }: MutationSetEnvironmentArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<SetEnvironmentResult>> {
    const { database, randomBytes } = this.#plane;
    const answer = (state: EnvironmentResource | undefined) =>
      ({ __typename: "SetEnvironmentSucceeded", environment: environmentToApi(existing(state)) }) as const;
    const settings = { replicaAgeMsMax: replicaAgeMsMax ?? undefined };
    const done = await untilNamesHold(async () => {
      const id = (await holderOf(database.sql, "environment", name)) ?? idFromBytes(randomBytes(idBytes));
      const step = { decider: environmentDecider, id, command: { kind: "set", id, name, settings } } as const;
      return handle(database, step, metaOf(context, this.#plane), { answer });
    });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireEnvironment(
    @Args() { id }: MutationRetireEnvironmentArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireEnvironmentResult>> {
    const step = { decider: environmentDecider, id, command: { kind: "retire", id } } as const;
    const answer = () => ({ __typename: "RetireEnvironmentSucceeded", id }) as const;
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(), position: done.position };
  }
}
