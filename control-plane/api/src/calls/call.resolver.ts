// Calls in the admin API, read-only: what the proxies' facts say, and where facts are missing.

import { Inject } from "@nestjs/common";
import { Args, Query, Resolver } from "@nestjs/graphql";
import { TollgateError } from "@tollgate/kernel/errors";
import type {
  Call,
  CallConnection,
  CallFilter,
  CallOutcome,
  Era,
  FactGap as ApiFactGap,
  FactGapConnection,
  FactGapState as ApiFactGapState,
  QueryCallsArgs,
  QueryFactGapsArgs,
} from "../gen/graphql.ts";
import { connectionOf, pageOf } from "../graphql/connection.ts";
import { PLANE, type Plane } from "../plane.ts";
import { readFactGaps, type FactGap, type FactGapState } from "../usage/epoch-counts.ts";
import { cursorOf, readCalls, type CallRow, type CallWish } from "./calls.ts";

const outcomesToDb = {
  ANSWERED: "answered",
  UPSTREAM_FAILED: "upstream-failed",
  CLIENT_CLOSED: "client-closed",
  UNKNOWN: "unknown",
  INPUT_REQUIRED: "input-required",
  REFUSED: "refused",
} as const satisfies Record<CallOutcome, string>;

const outcomesFromDb: ReadonlyMap<string, CallOutcome> = new Map([
  [outcomesToDb.ANSWERED, "ANSWERED"],
  [outcomesToDb.UPSTREAM_FAILED, "UPSTREAM_FAILED"],
  [outcomesToDb.CLIENT_CLOSED, "CLIENT_CLOSED"],
  [outcomesToDb.UNKNOWN, "UNKNOWN"],
  [outcomesToDb.INPUT_REQUIRED, "INPUT_REQUIRED"],
  [outcomesToDb.REFUSED, "REFUSED"],
]);

const erasFromDb: ReadonlyMap<string, Era> = new Map([
  ["legacy", "LEGACY"],
  ["modern", "MODERN"],
]);

function callToApi(row: CallRow): Call {
  const outcome = outcomesFromDb.get(row.outcome);
  if (!outcome) throw new Error(`the usage store has a call with the outcome ${row.outcome}`);
  const { keyId, teamId, serverId, code, ...rest } = row;
  return {
    ...rest,
    id: `${row.proxyId}/${row.epoch}/${row.seq}`,
    outcome,
    keyId: orNull(keyId),
    teamId: orNull(teamId),
    serverId: orNull(serverId),
    code: orNull(code),
    method: orNull(row.method),
    clientEra: erasFromDb.get(row.clientEra) ?? null,
    serverEra: erasFromDb.get(row.serverEra) ?? null,
    toolUseId: orNull(row.toolUseId),
    sessionId: orNull(row.sessionId),
    clientName: orNull(row.clientName),
    clientVersion: orNull(row.clientVersion),
  };
}

function orNull(text: string): string | null {
  return text === "" ? null : text;
}

function wishFromApi(filter: CallFilter): CallWish {
  return {
    keyName: filter.key ?? undefined,
    keyId: filter.keyId ?? undefined,
    teamId: filter.teamId ?? undefined,
    server: filter.server ?? undefined,
    tool: filter.tool ?? undefined,
    outcome: filter.outcome ? outcomesToDb[filter.outcome] : undefined,
    requestId: filter.requestId ?? undefined,
    method: filter.method ?? undefined,
    toolUseId: filter.toolUseId ?? undefined,
    sessionId: filter.sessionId ?? undefined,
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
  if (after?.slice(1).every((part) => /^\d{1,18}$/.test(part)) === false)
    throw new TollgateError("request.invalid", "`after` is not a cursor of this list.");
  return after;
}

@Resolver()
export class CallResolver {
  readonly #plane: Plane;

  constructor(@Inject(PLANE) plane: Plane) {
    this.#plane = plane;
  }

  @Query()
  async calls(@Args() { filter, ...args }: QueryCallsArgs): Promise<CallConnection> {
    const page = pageOf(args, 4);
    const rows = await readCalls(this.#plane.database.sql, wishFromApi(filter ?? {}), page);
    return connectionOf(page, rows, cursorOf, callToApi);
  }

  @Query()
  async factGaps(@Args() args: QueryFactGapsArgs): Promise<FactGapConnection> {
    const page = pageOf(args, 3);
    const gaps = await readFactGaps(this.#plane.database.sql, placeOf(page.after), page.take + 1);
    return connectionOf(page, gaps, gapKey, gapToApi);
  }
}
