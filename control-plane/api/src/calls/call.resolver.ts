// Calls in the admin API, read-only: what the proxies' facts say, and where facts are missing.

import { Inject } from "@nestjs/common";
import { Args, Query, Resolver } from "@nestjs/graphql";
import type {
  CallConnection,
  CallFilter,
  CallUsageConnection,
  FactGap as ApiFactGap,
  FactGapConnection,
  FactGapState as ApiFactGapState,
  QueryCallsArgs,
  QueryCallUsageArgs,
  QueryFactGapsArgs,
} from "../gen/graphql.ts";
import { connectionOf, pageOf } from "../graphql/connection.ts";
import { PLANE, type Plane } from "../plane.ts";
import { readFactGaps, type FactGap, type FactGapState } from "../usage/epoch-counts.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { accountWish, orNull } from "./accounts.ts";
import { callToApi, outcomesToDb } from "./call-to-api.ts";
import { readCallUsage } from "./call-usage.ts";
import { readCalls, type CallWish } from "./calls.ts";
import { foreignCursor, placeKey, placeKeyParts } from "./fact-page.ts";
import { usageKey } from "./usage-page.ts";

function wishFromApi(filter: CallFilter): CallWish {
  return {
    keyName: filter.key ?? undefined,
    keyId: filter.keyId ?? undefined,
    teamId: filter.teamId ?? undefined,
    ...accountWish(filter),
    server: filter.server ?? undefined,
    tool: filter.tool ?? undefined,
    door: filter.door ?? undefined,
    model: filter.model ?? undefined,
    outcome: filter.outcome ? outcomesToDb[filter.outcome] : undefined,
    requestId: filter.requestId ?? undefined,
    method: filter.method ?? undefined,
    toolUseId: filter.toolUseId ?? undefined,
    sessionId: filter.sessionId ?? undefined,
    decisionId: filter.decisionId ?? undefined,
    from: filter.from ?? undefined,
    to: filter.to ?? undefined,
  };
}

const gapStates = {
  "in-transit": "IN_TRANSIT",
  missing: "MISSING",
  lost: "LOST",
} as const satisfies Record<FactGapState, ApiFactGapState>;

function gapToApi({ state, reason, ...gap }: FactGap): ApiFactGap {
  return { ...gap, facts: gap.lastSeq - gap.firstSeq + 1n, state: gapStates[state], reason: orNull(reason) };
}

function gapKey({ proxyId, epoch, firstSeq }: FactGap): readonly string[] {
  return [proxyId, epoch.toString(), firstSeq.toString()];
}

function placeOf(after: readonly string[] | undefined): readonly string[] | undefined {
  if (after?.slice(1).every((part) => /^\d{1,18}$/.test(part)) === false) throw foreignCursor();
  return after;
}

@Resolver()
export class CallResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  async calls(@Args() { filter, ...args }: QueryCallsArgs): Promise<Resolved<CallConnection>> {
    const page = pageOf(args, placeKeyParts);
    const rows = await readCalls(this.#plane.database.sql, wishFromApi(filter ?? {}), page);
    return connectionOf(page, rows, placeKey, callToApi);
  }

  @Query()
  async callUsage(@Args() { filter, groupBy, ...args }: QueryCallUsageArgs): Promise<CallUsageConnection> {
    const page = pageOf(args, 2);
    const wish = wishFromApi(filter ?? {});
    const rows = await readCallUsage(this.#plane.database.sql, wish, groupBy ?? undefined, page);
    return connectionOf(page, rows, usageKey, (row) => row);
  }

  @Query()
  async factGaps(@Args() args: QueryFactGapsArgs): Promise<FactGapConnection> {
    const page = pageOf(args, 3);
    const gaps = await readFactGaps(this.#plane.database.sql, placeOf(page.after), page.take + 1);
    return connectionOf(page, gaps, gapKey, gapToApi);
  }
}
