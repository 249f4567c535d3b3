// Calls in the admin API, read-only: what the proxies' facts say.

import { Inject } from "@nestjs/common";
import { Args, Query, Resolver } from "@nestjs/graphql";
import type { Call, CallConnection, CallFilter, CallOutcome, QueryCallsArgs } from "../gen/graphql.ts";
import { connectionOf, pageOf } from "../graphql/connection.ts";
import { PLANE, type Plane } from "../plane.ts";
import { cursorOf, readCalls, type CallRow, type CallWish } from "./calls.ts";

const outcomesToDb = {
  ANSWERED: "answered",
  UPSTREAM_FAILED: "upstream-failed",
  CLIENT_CLOSED: "client-closed",
  REFUSED: "refused",
} as const satisfies Record<CallOutcome, string>;

const outcomesFromDb: ReadonlyMap<string, CallOutcome> = new Map([
  [outcomesToDb.ANSWERED, "ANSWERED"],
  [outcomesToDb.UPSTREAM_FAILED, "UPSTREAM_FAILED"],
  [outcomesToDb.CLIENT_CLOSED, "CLIENT_CLOSED"],
  [outcomesToDb.REFUSED, "REFUSED"],
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
    from: filter.from ?? undefined,
    to: filter.to ?? undefined,
  };
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
}
