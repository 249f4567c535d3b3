// Policies in the admin API: input to command, state to answer.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Query, Resolver } from "@nestjs/graphql";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Policy as PolicyResource } from "@tollgate/schema/resources";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ChangePolicyResult,
  CreatePolicyResult,
  MutationChangePolicyArgs,
  MutationCreatePolicyArgs,
  MutationRetirePolicyArgs,
  Policy,
  PolicyConnection,
  QueryPoliciesArgs,
  QueryPolicyArgs,
  RetirePolicyResult,
} from "../gen/graphql.ts";
import { refusalToApi, type Answer, type Resolved } from "../graphql/refusals.ts";
import { listResources, oneResource } from "../listing/resource-rows.ts";
import { existing } from "../log/fold-stream.ts";
import { handle } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import { PLANE, type Plane } from "../plane.ts";
import { isUncovered } from "./force.ts";
import { policyDecider, type PolicyCommand } from "./policy.decider.ts";
import { policies } from "./policy.projection.ts";
import { policyToApi, ruleFromApi } from "./policy-to-api.ts";

function answerOf<Name extends string>(name: Name) {
  return (policy: PolicyResource | undefined) => {
    return { __typename: name, policy: policyToApi(existing(policy)) };
  };
}

@Resolver()
export class PolicyResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  policy(@Args() args: QueryPolicyArgs): Promise<Resolved<Policy> | null> {
    return oneResource(this.#plane, policies, args, policyToApi);
  }

  @Query()
  policies(@Args() { filter, ...args }: QueryPoliciesArgs): Promise<Resolved<PolicyConnection>> {
    return listResources(this.#plane, policies, { ...args, ...filter }, policyToApi);
  }

  @Mutation()
  async createPolicy(
    @Args() { input: { name, rule: given } }: MutationCreatePolicyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<CreatePolicyResult>> {
    const rule = ruleFromApi(given);
    if ("field" in rule) return refusalToApi(rule, "invalid-input");
    const id = idFromBytes(this.#plane.randomBytes(idBytes));
    const answer = answerOf("CreatePolicySucceeded");
    const done = await this.#handle(context, { kind: "create", id, name, rule }, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "name-taken", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async changePolicy(
    @Args() { input: { id, rule: given } }: MutationChangePolicyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ChangePolicyResult>> {
    const rule = ruleFromApi(given);
    if ("field" in rule) return refusalToApi(rule, "invalid-input");
    const answer = answerOf("ChangePolicySucceeded");
    const done = await this.#handle(context, { kind: "change", id, rule }, answer);
    if (done.outcome === "refused")
      return refusalToApi(done.refusal, "invalid-input", "not-found", "reference-missing");
    return { ...answer(done.state), position: done.position };
  }

  @Mutation()
  async retirePolicy(
    @Args() { id }: MutationRetirePolicyArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<RetirePolicyResult>> {
    const answer = () => ({ __typename: "RetirePolicySucceeded", id }) as const;
    const done = await this.#handle(context, { kind: "retire", id }, answer);
    if (done.outcome === "refused") return refusalToApi(done.refusal, "not-found");
    return { ...answer(), position: done.position };
  }

  #handle(context: RequestContext, command: PolicyCommand, answer: (policy: PolicyResource | undefined) => AnswerBody) {
    const step = { decider: policyDecider, id: command.id, command };
    const meta = metaOf(context, this.#plane);
    const forced = isUncovered(command) ? { ...meta, isForced: false } : meta;
    return handle(this.#plane.database, step, forced, { answer });
  }
}
