// Calls to models in the admin API, read-only: what the proxies' facts say of each and what they used and cost together.

import { Inject } from "@nestjs/common";
import { Args, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import { callToApi } from "../calls/call-to-api.ts";
import { readCallsOf, type CallRow, type ToolUse } from "../calls/calls.ts";
import { placeKey, placeKeyParts } from "../calls/fact-page.ts";
import type {
  Call,
  ModelCall,
  ModelCallConnection,
  ModelUsageConnection,
  QueryModelCallsArgs,
  QueryModelUsageArgs,
} from "../gen/graphql.ts";
import { connectionOf, pageOf } from "../graphql/connection.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { batched } from "../listing/batched.ts";
import { PLANE, type Plane } from "../plane.ts";
import { modelCallToApi, modelCallWishFromApi, modelUsageToApi } from "./model-call-to-api.ts";
import { readModelCalls } from "./model-calls.ts";
import { readModelUsage, usageKey } from "./model-usage.ts";

/** Of all calls of one answer. */
const toolUsesMax = 10_000;

@Resolver("ModelCall")
export class ModelCallResolver {
  readonly #plane: Plane;
  readonly #callsOf: (use: string) => Promise<CallRow[] | undefined>;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
    this.#callsOf = batched(async (texts) => {
      if (texts.length > toolUsesMax)
        throw new TollgateError("request.invalid", `Calls of ${toolUsesMax} uses of tools are answered at once.`);
      // Each text was made below from a use.
      const uses = texts.map((text) => JSON.parse(text) as ToolUse);
      const found = await readCallsOf(plane.database.sql, uses);
      return new Map(texts.map((text, index) => [text, found[index] ?? []]));
    });
  }

  @Query()
  async modelCalls(@Args() { filter, ...args }: QueryModelCallsArgs): Promise<Resolved<ModelCallConnection>> {
    const page = pageOf(args, placeKeyParts);
    const rows = await readModelCalls(this.#plane.database.sql, modelCallWishFromApi(filter ?? {}), page);
    return connectionOf(page, rows, placeKey, modelCallToApi);
  }

  @ResolveField()
  async toolCalls(@Parent() { teamId, toolUseIds }: Resolved<ModelCall>): Promise<Resolved<Call>[]> {
    const uses = toolUseIds.map((toolUseId): ToolUse => ({ teamId: teamId ?? "", toolUseId }));
    const found = await Promise.all(uses.map((use) => this.#callsOf(JSON.stringify(use))));
    return found.flatMap((rows) => (rows ?? []).map(callToApi));
  }

  @Query()
  async modelUsage(@Args() { filter, groupBy, ...args }: QueryModelUsageArgs): Promise<ModelUsageConnection> {
    const page = pageOf(args, 2);
    const wish = modelCallWishFromApi(filter ?? {});
    const rows = await readModelUsage(this.#plane.database.sql, wish, groupBy ?? undefined, page);
    return connectionOf(page, rows, usageKey, modelUsageToApi);
  }
}
