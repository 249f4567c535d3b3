// Tool groups in the admin API: input to command, state to answer.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { ToolGroup as ToolGroupResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ChangeToolGroupResult,
  CreateToolGroupResult,
  MutationChangeToolGroupArgs,
  MutationCreateToolGroupArgs,
  MutationRetireToolGroupArgs,
  QueryToolGroupArgs,
  QueryToolGroupsArgs,
  RetireToolGroupResult,
  ToolGroup,
  ToolGroupConnection,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { PLANE, type Plane } from "../plane.ts";
import { toolGroupDecider, type ToolGroupCommand } from "./tool-group.decider.ts";
import { toolGroups } from "./tool-group.projection.ts";
import { eras, namings, toolGroupToApi } from "./tool-group-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (group: ToolGroupResource | undefined) => {
    return { __typename: name, toolGroup: toolGroupToApi(existing(group)) };
  };
}

@Resolver()
export class ToolGroupResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  toolGroup(@Args() args: QueryToolGroupArgs): Promise<ToolGroup | null> {
    return oneResource(this.#plane, toolGroups, args, toolGroupToApi);
  }

  @Query()
  toolGroups(@Args() { filter, ...args }: QueryToolGroupsArgs): Promise<ToolGroupConnection> {
    return listResources(this.#plane, toolGroups, { ...args, ...filter }, toolGroupToApi);
  }

  @Mutation()
  async createToolGroup(
    @Args() { input }: MutationCreateToolGroupArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreateToolGroupResult>> {
    const { name, tools } = input;
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const settings = {
      tools,
      naming: namings[input.naming ?? "AUTO"],
      eras: (input.eras ?? []).map((era) => eras[era]),
    };
    const answer = answerOf("CreateToolGroupSucceeded");
    const done = await this.#handle(context, { kind: "create", id, name, ...settings }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "name-taken");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeToolGroup(
    @Args() { input }: MutationChangeToolGroupArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeToolGroupResult>> {
    const settings = {
      ...(input.tools ? { tools: input.tools } : {}),
      ...(input.naming ? { naming: namings[input.naming] } : {}),
      ...(input.eras ? { eras: input.eras.map((era) => eras[era]) } : {}),
    };
    const answer = answerOf("ChangeToolGroupSucceeded");
    const done = await this.#handle(context, { kind: "change", id: input.id, settings }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "invalid-input", "not-found");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireToolGroup(
    @Args() { id }: MutationRetireToolGroupArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireToolGroupResult>> {
    const answer = () => ({ __typename: "RetireToolGroupSucceeded", id }) as const;
    const done = await this.#handle(context, { kind: "retire", id }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "in-use");
    return { ...answer(), position: done.position };
  }

  #handle(
    context: RequestContext,
    command: ToolGroupCommand,
    answer: (group: ToolGroupResource | undefined) => AnswerBody,
  ) {
    const step = { decider: toolGroupDecider, id: command.id, command };
    return handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
  }
}
