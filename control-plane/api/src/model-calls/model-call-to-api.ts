// Calls to models and sums of them, as the admin API shows them.

import { formatUsd } from "@tollgate/kernel/money";
import { accountToApi, accountWish, orNull } from "../calls/accounts.ts";
import type {
  CredentialHealth as ApiCredentialHealth,
  ModelCall,
  ModelCallFilter,
  ModelCallOutcome,
  ModelUsage,
  TokenCounts,
  UsageBasis,
} from "../gen/graphql.ts";
import type { Resolved } from "../graphql/refusals.ts";
import type { ModelCallRow, ModelCallWish } from "./model-calls.ts";
import type { ModelUsageRow } from "./model-usage.ts";
import type { CredentialHealth } from "./provider-health.ts";

const outcomesToDb = {
  ANSWERED: "answered",
  PROVIDER_FAILED: "provider-failed",
  CLIENT_CLOSED: "client-closed",
  UNKNOWN: "unknown",
} as const satisfies Record<ModelCallOutcome, string>;

const outcomesFromDb: ReadonlyMap<string, ModelCallOutcome> = new Map([
  [outcomesToDb.ANSWERED, "ANSWERED"],
  [outcomesToDb.PROVIDER_FAILED, "PROVIDER_FAILED"],
  [outcomesToDb.CLIENT_CLOSED, "CLIENT_CLOSED"],
  [outcomesToDb.UNKNOWN, "UNKNOWN"],
]);

const basesToDb = {
  EXACT: "exact",
  ESTIMATED: "estimated",
  NONE: "none",
  UNMETERED: "unmetered",
} as const satisfies Record<UsageBasis, string>;

const basesFromDb: ReadonlyMap<string, UsageBasis> = new Map([
  [basesToDb.EXACT, "EXACT"],
  [basesToDb.ESTIMATED, "ESTIMATED"],
  [basesToDb.NONE, "NONE"],
  [basesToDb.UNMETERED, "UNMETERED"],
]);

export function modelCallToApi(row: ModelCallRow): Resolved<ModelCall> {
  const outcome = outcomesFromDb.get(row.outcome);
  const basis = basesFromDb.get(row.basis);
  if (!outcome || !basis) throw new Error(`the usage store has a call to a model that is ${row.outcome}, ${row.basis}`);
  return {
    ...row,
    id: `${row.proxyId}/${row.epoch}/${row.seq}`,
    outcome,
    basis,
    tokens: tokensToApi(row),
    costUsd: row.costNanoUsd === null ? null : formatUsd(row.costNanoUsd),
    ...accountToApi(row),
    providerId: orNull(row.providerId),
    modelServed: orNull(row.modelServed),
    credential: orNull(row.credential),
    priceVersion: orNull(row.priceVersion),
    serviceTier: orNull(row.serviceTier),
    stopReason: orNull(row.stopReason),
    providerRequestId: orNull(row.providerRequestId),
    sessionId: orNull(row.sessionId),
    agentId: orNull(row.agentId),
    parentAgentId: orNull(row.parentAgentId),
    clientName: orNull(row.clientName),
    clientVersion: orNull(row.clientVersion),
  };
}

type Tokens = Pick<
  ModelCallRow,
  "inputTokens" | "cacheReadTokens" | "cacheWrite5mTokens" | "cacheWrite1hTokens" | "outputTokens" | "reasoningTokens"
>;

function tokensToApi(tokens: Tokens): TokenCounts {
  return {
    input: tokens.inputTokens,
    cacheRead: tokens.cacheReadTokens,
    cacheWrite5m: tokens.cacheWrite5mTokens,
    cacheWrite1h: tokens.cacheWrite1hTokens,
    output: tokens.outputTokens,
    reasoning: tokens.reasoningTokens,
  };
}

export function modelCallWishFromApi(filter: ModelCallFilter): ModelCallWish {
  return {
    keyName: filter.key ?? undefined,
    keyId: filter.keyId ?? undefined,
    teamId: filter.teamId ?? undefined,
    ...accountWish(filter),
    provider: filter.provider ?? undefined,
    model: filter.model ?? undefined,
    outcome: filter.outcome ? outcomesToDb[filter.outcome] : undefined,
    basis: filter.basis ? basesToDb[filter.basis] : undefined,
    sessionId: filter.sessionId ?? undefined,
    agentId: filter.agentId ?? undefined,
    toolUseId: filter.toolUseId ?? undefined,
    requestId: filter.requestId ?? undefined,
    from: filter.from ?? undefined,
    to: filter.to ?? undefined,
  };
}

export function modelUsageToApi(row: ModelUsageRow): ModelUsage {
  const { group, calls, webSearches, costNanoUsd, estimatedCalls, unpricedCalls } = row;
  const costUsd = formatUsd(costNanoUsd);
  return { group, calls, tokens: tokensToApi(row), webSearches, costUsd, costNanoUsd, estimatedCalls, unpricedCalls };
}

export function credentialHealthToApi(health: CredentialHealth): ApiCredentialHealth {
  const { attempts, failures } = health;
  return { ...health, errorRate: attempts === 0n ? 0 : Number(failures) / Number(attempts) };
}
