// Calls to models in the admin API, read-only: what the proxies' facts say of each, what they used and cost together, and how
// the providers' credentials did.

import { Inject } from "@nestjs/common";
import { Args, Parent, Query, ResolveField, Resolver } from "@nestjs/graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import { callToApi } from "../calls/call-to-api.ts";
import { readCallsOf, type CallRow, type ToolUse } from "../calls/calls.ts";
import { placeKey, placeKeyParts } from "../calls/fact-page.ts";
import { usageKey } from "../calls/usage-page.ts";
import type {
  Call,
  CredentialHealth,
  ModelCall,
  ModelCallConnection,
  ModelUsageConnection,
  QueryModelCallsArgs,
  QueryModelUsageArgs,
  QueryProviderHealthArgs,
} from "../gen/graphql.ts";
import { connectionOf, pageOf } from "../graphql/connection.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { batched } from "../listing/batched.ts";
import { PLANE, type Plane } from "../plane.ts";
import { credentialHealthToApi, modelCallToApi, modelCallWishFromApi, modelUsageToApi } from "./model-call-to-api.ts";
import { readModelCalls } from "./model-calls.ts";
import { readModelUsage } from "./model-usage.ts";
import { readProviderHealth } from "./provider-health.ts";

/** Of all calls of one answer. */
const toolUsesMax = 10_000;
const healthMinutes = 15;
const healthMinutesMax = 24 * 60;

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

  @Query()
  async providerHealth(@Args() { provider, minutes }: QueryProviderHealthArgs): Promise<CredentialHealth[]> {
    const within = minutes ?? healthMinutes;
    if (within < 1 || within > healthMinutesMax)
      throw new TollgateError("request.invalid", `\`minutes\` is a number from 1 to ${healthMinutesMax}.`);
    const from = new Date(this.#plane.nowMs() - within * 60_000);
    const health = await readProviderHealth(this.#plane.database.sql, [provider], from);
    return (health.get(provider) ?? []).map(credentialHealthToApi);
  }
}
