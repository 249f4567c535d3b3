// `applyConfiguration` in the admin API. References to variables are looked up in what came with the call, then among the
// server's own `TOLLGATE_SECRET_*` and nowhere else, so that nobody can read its environment through a file.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Resolver } from "@nestjs/graphql";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import type {
  ApplyConfigurationResult,
  ConfigurationAction,
  KeyEnd as ApiKeyEnd,
  MutationApplyConfigurationArgs,
} from "../gen/graphql.ts";
import type { Answer } from "../graphql/refusals.ts";
import { PLANE, type Plane } from "../plane.ts";
import { applyConfiguration } from "./apply.ts";
import type { KeyEnd, PlanItem } from "./planning.ts";

export const actions = {
  create: "CREATE",
  change: "CHANGE",
  retire: "RETIRE",
  none: "NONE",
} as const satisfies Record<PlanItem["action"], ConfigurationAction>;

const ends = { revoked: "REVOKED", expired: "EXPIRED" } as const satisfies Record<KeyEnd, ApiKeyEnd>;

export function planToApi(items: readonly PlanItem[]) {
  return items.map(({ action, kind, name, fields, stays }) => {
    return { action: actions[action], kind, name, fields: [...fields], stays: stays ? ends[stays] : null };
  });
}

function answerOf(items: readonly PlanItem[]) {
  return { __typename: "ApplyConfigurationSucceeded", plan: planToApi(items) } as const;
}

@Resolver()
export class ConfigurationResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Mutation()
  async applyConfiguration(
    @Args() { file, fileName, variables, dryRun, prune }: MutationApplyConfigurationArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ApplyConfigurationResult>> {
    const given = new Map((variables ?? []).map(({ name, value }) => [name, value]));
    const done = await applyConfiguration(this.#plane, metaOf(context, this.#plane), {
      text: file,
      fileName: fileName ?? "tollgate.yaml",
      resolve: ({ env }) => given.get(env) ?? this.#plane.resolveSecretVariable(env),
      dryRun: dryRun ?? false,
      prune: prune ?? false,
      answer: (items, issued) => ({
        ...answerOf(items),
        isApplied: true,
        issued: issued.map(({ name }) => ({ name })),
      }),
    });
    if (done.outcome === "invalid")
      return { __typename: "ConfigurationInvalid", message: done.report, issues: [...done.issues] };
    const { items, isApplied, issued, position } = done;
    return { ...answerOf(items), isApplied, issued, position };
  }
}
