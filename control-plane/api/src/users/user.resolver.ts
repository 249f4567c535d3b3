// Users in the admin API: input to command, state to answer.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { User as UserResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import { boundFromApi } from "../bounds/bound-input.ts";
import { owningCustomer } from "../customers/customer-to-api.ts";
import type {
  ChangeUserResult,
  CreateUserResult,
  Customer,
  MutationChangeUserArgs,
  MutationCreateUserArgs,
  MutationRetireUserArgs,
  QueryUserArgs,
  QueryUsersArgs,
  RetireUserResult,
  ToolGroup,
  User,
  UserConnection,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { attachedToolGroups } from "../tool-groups/tool-group-to-api.ts";
import { userDecider } from "./user.decider.ts";
import { users } from "./user.projection.ts";
import { userToApi } from "./user-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (user: UserResource | undefined) => ({ __typename: name, user: userToApi(existing(user)) });
}

@Resolver("User")
export class UserResolver {
  readonly #plane: Plane;
  readonly #groupsOf: (ids: readonly string[]) => Promise<ToolGroup[]>;
  readonly #customerOf: ReturnType<typeof owningCustomer>;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
    this.#groupsOf = attachedToolGroups(plane);
    this.#customerOf = owningCustomer(plane);
  }

  @ResolveField()
  toolGroups(@Parent() { toolGroupIds }: Resolved<User>): Promise<ToolGroup[]> {
    return this.#groupsOf(toolGroupIds);
  }

  @ResolveField()
  customer(@Parent() { customerId }: Resolved<User>): Promise<Resolved<Customer> | null> {
    return this.#customerOf(customerId);
  }

  @Query()
  user(@Args() args: QueryUserArgs): Promise<Resolved<User> | null> {
    return oneResource(this.#plane, users, args, userToApi);
  }

  @Query()
  users(@Args() { filter, ...args }: QueryUsersArgs): Promise<Resolved<UserConnection>> {
    const { customerId, ...rest } = filter ?? {};
    return listResources(this.#plane, users, { ...args, ...rest, parentId: customerId }, userToApi);
  }

  @Mutation()
  async createUser(
    @Args() { input }: MutationCreateUserArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreateUserResult>> {
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
    const answer = answerOf("CreateUserSucceeded");
    const step = { decider: userDecider, id, command };
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeUser(
    @Args() { input }: MutationChangeUserArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeUserResult>> {
    const read = await boundFromApi(this.#plane.database.sql, input);
    if (read.outcome === "refused") return refusalToApi(read.refusal, "reference-missing");
    const { id } = input;
    const step = { decider: userDecider, id, command: { kind: "change", id, bound: read.bound } } as const;
    const answer = answerOf("ChangeUserSucceeded");
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireUser(
    @Args() { id }: MutationRetireUserArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireUserResult>> {
    const step = { decider: userDecider, id, command: { kind: "retire", id } } as const;
    const answer = () => ({ __typename: "RetireUserSucceeded", id }) as const;
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "in-use");
    return { ...answer(), position: done.position };
  }
}
