// `importServers` in the admin API. Variables are looked up in what came with the call and nowhere else, so that nobody can read
// the control plane's environment through a list.

import { Inject } from "@nestjs/common";
import { Args, Context, Mutation, Resolver } from "@nestjs/graphql";
import { metaOf, type RequestContext } from "../access/request-context.ts";
import { actions } from "../configuration/configuration.resolver.ts";
import type { ImportServersResult, MutationImportServersArgs } from "../gen/graphql.ts";
import type { Answer } from "../graphql/refusals.ts";
import { PLANE, type Plane } from "../plane.ts";
import { importServers, type Imported } from "./import-servers.ts";

function answerOf(servers: readonly Imported[], isApplied: boolean) {
  return {
    __typename: "ImportServersSucceeded",
    isApplied,
    servers: servers.map(({ from, secrets, item: { name, action, fields } }) => {
      return { name, from, action: actions[action], fields: [...fields], secrets };
    }),
  } as const;
}

@Resolver()
export class ImportResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Mutation()
  async importServers(
    @Args() { input: { json, variables, replace, dryRun } }: MutationImportServersArgs,
    @Context() context: RequestContext,
  ): Promise<Answer<ImportServersResult>> {
    const given = variables && new Map(variables.map(({ name, value }) => [name, value]));
    const done = await importServers(this.#plane, metaOf(context, this.#plane), {
      ...{
        json,
        replace: replace ?? false,
        dryRun: dryRun ?? false,
        lookup: given ? (name) => given.get(name) : undefined,
      },
      answer: (servers) => answerOf(servers, true),
    });
    if (done.outcome === "imported") return { ...answerOf(done.servers, done.isApplied), position: done.position };
    const problems = done.problems.map(({ server, message }) => ({ server: server ?? null, message }));
    return { __typename: "ImportRefused", message: problems.map(({ message }) => message).join("\n"), problems };
  }
}
