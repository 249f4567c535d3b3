// Customers in the admin API: input to command, state to answer.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Customer as CustomerResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import { boundFromApi } from "../bounds/bound-input.ts";
import type {
  ChangeCustomerResult,
  CreateCustomerResult,
  Customer,
  CustomerConnection,
  MutationChangeCustomerArgs,
  MutationCreateCustomerArgs,
  MutationRetireCustomerArgs,
  QueryCustomerArgs,
  QueryCustomersArgs,
  RetireCustomerResult,
  ToolGroup,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import { PLANE, type Plane } from "../plane.ts";
import { attachedToolGroups } from "../tool-groups/tool-group-to-api.ts";
import { customerDecider } from "./customer.decider.ts";
import { customers } from "./customer.projection.ts";
import { customerToApi } from "./customer-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (customer: CustomerResource | undefined) => ({
    __typename: name,
    customer: customerToApi(existing(customer)),
  });
}

@Resolver("Customer")
export class CustomerResolver {
  readonly #plane: Plane;
  readonly #groupsOf: (ids: readonly string[]) => Promise<ToolGroup[]>;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
    this.#groupsOf = attachedToolGroups(plane);
  }

  @ResolveField()
  toolGroups(@Parent() { toolGroupIds }: Resolved<Customer>): Promise<ToolGroup[]> {
    return this.#groupsOf(toolGroupIds);
  }

  @Query()
  customer(@Args() args: QueryCustomerArgs): Promise<Resolved<Customer> | null> {
    return oneResource(this.#plane, customers, args, customerToApi);
  }

  @Query()
  customers(@Args() { filter, ...args }: QueryCustomersArgs): Promise<Resolved<CustomerConnection>> {
    return listResources(this.#plane, customers, { ...args, ...filter }, customerToApi);
  }

  @Mutation()
  async createCustomer(
    @Args() { input }: MutationCreateCustomerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreateCustomerResult>> {
    const read = await boundFromApi(this.#plane.database.sql, input);
    if (read.outcome === "refused") return refusalToApi(read.refusal, "reference-missing");
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const command = { kind: "create", id, name: input.name, ...read.bound } as const;
    const answer = answerOf("CreateCustomerSucceeded");
    const step = { decider: customerDecider, id, command };
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changeCustomer(
    @Args() { input }: MutationChangeCustomerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangeCustomerResult>> {
    const read = await boundFromApi(this.#plane.database.sql, input);
    if (read.outcome === "refused") return refusalToApi(read.refusal, "reference-missing");
    const { id } = input;
    const step = { decider: customerDecider, id, command: { kind: "change", id, bound: read.bound } } as const;
    const answer = answerOf("ChangeCustomerSucceeded");
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retireCustomer(
    @Args() { id }: MutationRetireCustomerArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetireCustomerResult>> {
    const step = { decider: customerDecider, id, command: { kind: "retire", id } } as const;
    const answer = () => ({ __typename: "RetireCustomerSucceeded", id }) as const;
    const done = await handle(this.#plane.database, step, metaOf(context, this.#plane), { answer });
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found", "in-use");
    return { ...answer(), position: done.position };
  }
}
