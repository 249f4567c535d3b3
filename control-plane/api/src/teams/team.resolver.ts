// Teams in the admin API: input to command, state to answer.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Team as TeamResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import { boundFromApi } from "../bounds/bound-input.ts";
import { owningCustomer } from "../customers/customer-to-api.ts";
import type {
  ChangeTeamResult,
  CreateTeamResult,
  Customer,
  MutationChangeTeamArgs,
  MutationCreateTeamArgs,
  MutationRetireTeamArgs,
  QueryTeamArgs,
  QueryTeamsArgs,
  RetireTeamResult,
  Team,
  TeamConnection,
  ToolGroup,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { attachedToolGroups } from "../tool-groups/tool-group-to-api.ts";
import { teamDecider } from "./team.decider.ts";
import { teams } from "./team.projection.ts";
import { teamToApi } from "./team-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (team: TeamResource | undefined) => ({ __typename: name, team: teamToApi(existing(team)) });
}

@Resolver("Team")
export class TeamResolver {
  readonly #plane: Plane;
  readonly #groupsOf: (ids: readonly string[]) => Promise<ToolGroup[]>;
  readonly #customerOf: ReturnType<typeof owningCustomer>;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
    this.#groupsOf = attachedToolGroups(plane);
    this.#customerOf = owningCustomer(plane);
  }

  @ResolveField()
  customer(@Parent() { customerId }: Resolved<Team>): Promise<Resolved<Customer> | null> {
    return this.#customerOf(customerId);
  }

  @ResolveField()
  toolGroups(@Parent() { toolGroupIds }: Resolved<Team>): Promise<ToolGroup[]> {
    return this.#groupsOf(toolGroupIds);
  }

  @Query()
  team(@Args() args: QueryTeamArgs): Promise<Resolved<Team> | null> {
    return oneResource(this.#plane, teams, args, teamToApi);
  }

  @Query()
  teams(@Args() { filter, ...args }: QueryTeamsArgs): Promise<Resolved<TeamConnection>> {
    return listResources(this.#plane, teams, { ...args, ...filter }, teamToApi);
  }

  @Mutation()
  async createTeam(
    @Args() { input }: MutationCreateTeamArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreateTeamResult>> {
    const read = await boundFromApi(this.#plane.database.sql, input);
    if (read.outcome === "refused") return refusalToApi(read.refusal, "reference-missing");
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const command = {
      kind: "create",
      id,
      name: input.name,
      customerId: input.customerId ?? "",
      ...read.bound,
    } as const;
    const step = { decider: teamDecider, id, command };
    const answer = answerOf("CreateTeamSucceeded");
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeTeam(
    @Args() { input }: MutationChangeTeamArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeTeamResult>> {
    const read = await boundFromApi(this.#plane.database.sql, input);
    if (read.outcome === "refused") return refusalToApi(read.refusal, "reference-missing");
    const { id, customerId } = input;
    const command = { kind: "change", id, customerId: customerId ?? undefined, bound: read.bound } as const;
    const step = { decider: teamDecider, id, command };
    const answer = answerOf("ChangeTeamSucceeded");
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireTeam(
    @Args() { id }: MutationRetireTeamArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireTeamResult>> {
    const step = { decider: teamDecider, id, command: { kind: "retire", id } } as const;
    const answer = () => ({ __typename: "RetireTeamSucceeded", id }) as const;
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "in-use");
    return { ...answer(), position: done.position };
  }
}
