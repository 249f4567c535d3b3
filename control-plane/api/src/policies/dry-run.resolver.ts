// `dryRun` in the admin API. References to variables are looked up as when a file is applied.

import { Inject } from "@nestjs/common";
import { Args, Context, Query, Resolver } from "@nestjs/graphql";
import type { Effect, Reach } from "@tollgate/kernel/policy/effects";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import { planToApi } from "../configuration/configuration.resolver.ts";
import type { DryRunResult, QueryDryRunArgs, ReachedKind, ReachOutcome } from "../gen/graphql.ts";
import type { Answer } from "../graphql/refusals.ts";
import { PLANE, type Plane } from "../plane.ts";
import { dryRun } from "./dry-run.ts";

const kinds = { tool: "TOOL", model: "MODEL" } as const satisfies Record<Effect["kind"], ReachedKind>;
const outcomes = {
  hidden: "HIDDEN",
  allowed: "ALLOWED",
  limited: "LIMITED",
  refused: "REFUSED",
  depends: "DEPENDS",
} as const satisfies Record<Reach["reach"], ReachOutcome>;

@Resolver()
export class DryRunResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  async dryRun(
    @Args() { file, fileName, variables, prune }: QueryDryRunArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<DryRunResult>> {
    const given = new Map((variables ?? []).map(({ name, value }) => [name, value]));
    const looked = await dryRun(this.#plane, metaOf(context, this.#plane), {
      text: file,
      fileName: fileName ?? "tollgate.yaml",
      resolve: ({ env }) => given.get(env) ?? this.#plane.resolveSecretVariable(env),
      prune: prune ?? false,
    });
    if (looked.outcome === "invalid")
      return { __typename: "ConfigurationInvalid", message: looked.report, issues: [...looked.issues] };
    const { items, effects, isWhole, position } = looked;
    return {
      __typename: "DryRunSucceeded",
      plan: planToApi(items),
      effects: effects.map(effectToApi),
      isWhole,
      position,
    };
  }
}

function effectToApi({ keyId, kind, name, before, after }: Effect) {
  return { keyId, kind: kinds[kind], name, before: reachToApi(before), after: reachToApi(after) };
}

function reachToApi({ reach, policy }: Reach) {
  return { outcome: outcomes[reach], policy };
}
