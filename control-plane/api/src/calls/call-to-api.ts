// Calls to servers and refusals, as the admin API shows them.

import { formatUsd } from "@tollgate/kernel/money";
import type { Call, CallOutcome, Era } from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import { accountToApi, orNull } from "./accounts.ts";
import type { CallRow } from "./calls.ts";

export const outcomesToDb = {
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

export function callToApi(row: CallRow): Resolved<Call> {
  const outcome = outcomesFromDb.get(row.outcome);
  if (!outcome) throw new Error(`the usage store has a call with the outcome ${row.outcome}`);
  const { serverId, code, ...rest } = row;
  return {
    ...rest,
    id: `${row.proxyId}/${row.epoch}/${row.seq}`,
    outcome,
    ...accountToApi(row),
    serverId: orNull(serverId),
    code: orNull(code),
    method: orNull(row.method),
    clientEra: erasFromDb.get(row.clientEra) ?? null,
    serverEra: erasFromDb.get(row.serverEra) ?? null,
    toolUseId: orNull(row.toolUseId),
    sessionId: orNull(row.sessionId),
    clientName: orNull(row.clientName),
    clientVersion: orNull(row.clientVersion),
    model: orNull(row.model),
    policyId: orNull(row.policyId),
    decisionId: orNull(row.decisionId),
    costUsd: row.costNanoUsd === null ? null : formatUsd(row.costNanoUsd),
  };
}
