// Teams in the admin API: input to command, state to answer.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Team as TeamResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  CreateTeamResult,
  MutationCreateTeamArgs,
  MutationRetireTeamArgs,
  QueryTeamArgs,
  QueryTeamsArgs,
  RetireTeamResult,
  Team,
  TeamConnection,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { teamDecider } from "./team.decider.ts";
import { teams } from "./team.projection.ts";
import { teamToApi } from "./team-to-api.ts";

@Resolver()
export class TeamResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  team(@Args() args: QueryTeamArgs): Promise<Team | null> {
    return oneResource(this.#plane, teams, args, teamToApi);
  }

  @Query()
  teams(@Args() { filter, ...args }: QueryTeamsArgs): Promise<TeamConnection> {
    return listResources(this.#plane, teams, { ...args, ...filter }, teamToApi);
  }

  @Mutation()
  async createTeam(
    @Args() { input: { name } }: MutationCreateTeamArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreateTeamResult>> {
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const step = { decider: teamDecider, id, command: { kind: "create", id, name } } as const;
    const answer = (team: TeamResource | undefined) =>
      ({ __typename: "CreateTeamSucceeded", team: teamToApi(existing(team)) }) as const;
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "name-taken");
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
