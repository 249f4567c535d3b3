// Calls to models as rows of `usage.model_call`. What a call cost is NULL where no price was known, which is not the same as
// nothing: sums say how many such calls they hold. The columns are explained in the migration.

import { ModelCallOutcome, UsageBasis, type ModelCallCompleted } from "@tollgate/schema/usage";
import { account } from "./call-rows.ts";
import { cost, count, place, status, text, texts, type Placed, type Row, type Table } from "./fact-table.ts";

export const modelCall = {
  name: "usage.model_call",
  columns: {
    ...place,
    time: "timestamptz",
    link: "bytea",
    request_id: "text",
    key_id: "text",
    team_id: "text",
    door: "text",
    operation: "text",
    model_asked: "text",
    provider_id: "text",
    provider: "text",
    model: "text",
    model_served: "text",
    credential: "text",
    outcome: "text",
    status: "int",
    attempts: "int",
    failed_attempts: "text[]",
    streamed: "boolean",
    request_bytes: "bigint",
    response_bytes: "bigint",
    first_byte_us: "bigint",
    total_us: "bigint",
    input_tokens: "bigint",
    cache_read_tokens: "bigint",
    cache_write_5m_tokens: "bigint",
    cache_write_1h_tokens: "bigint",
    output_tokens: "bigint",
    reasoning_tokens: "bigint",
    web_searches: "bigint",
    basis: "text",
    cost_nano_usd: "bigint",
    price_version: "text",
    service_tier: "text",
    stop_reason: "text",
    tool_use_ids: "text[]",
    provider_request_id: "text",
    session_id: "text",
    agent_id: "text",
    parent_agent_id: "text",
    client_name: "text",
    client_version: "text",
    requests_limit: "bigint",
    requests_remaining: "bigint",
    tokens_limit: "bigint",
    tokens_remaining: "bigint",
    accounts: "text[]",
    user_id: "text",
    customer_id: "text",
    labels: "text[]",
  },
} as const satisfies Table;

const outcomes = {
  [ModelCallOutcome.ANSWERED]: "answered",
  [ModelCallOutcome.PROVIDER_FAILED]: "provider-failed",
  [ModelCallOutcome.CLIENT_CLOSED]: "client-closed",
  [ModelCallOutcome.UNKNOWN]: "unknown",
} as const satisfies Record<Exclude<ModelCallOutcome, ModelCallOutcome.UNSPECIFIED>, string>;

const bases = {
  [UsageBasis.EXACT]: "exact",
  [UsageBasis.ESTIMATED]: "estimated",
  [UsageBasis.NONE]: "none",
  [UsageBasis.UNMETERED]: "unmetered",
} as const satisfies Record<Exclude<UsageBasis, UsageBasis.UNSPECIFIED>, string>;

type AboutModelCall = Omit<Row<typeof modelCall>, Placed | "request_id">;

export function modelCallCompleted(value: ModelCallCompleted): AboutModelCall {
  return {
    ...account(value),
    door: text(value.door),
    operation: text(value.operation),
    ...servedBy(value),
    outcome: outcomeOf(value.outcome),
    streamed: value.streamed,
    request_bytes: count(value.requestBytes),
    response_bytes: count(value.responseBytes),
    first_byte_us: count(value.firstByteUs),
    total_us: count(value.totalUs),
    ...usedBy(value),
    stop_reason: text(value.stopReason),
    tool_use_ids: texts(value.toolUseIds),
    session_id: text(value.sessionId),
    agent_id: text(value.agentId),
    parent_agent_id: text(value.parentAgentId),
    client_name: text(value.clientName),
    client_version: text(value.clientVersion),
    accounts: texts(value.accounts),
  };
}

function servedBy(value: ModelCallCompleted) {
  const requests = headroom(value.requestsLimit, value.requestsRemaining);
  const tokens = headroom(value.tokensLimit, value.tokensRemaining);
  return {
    model_asked: text(value.modelAsked),
    provider_id: text(value.providerId),
    provider: text(value.provider),
    model: text(value.model),
    model_served: text(value.modelServed),
    credential: text(value.credential),
    status: status(value.status),
    attempts: Math.min(value.attempts, attemptsMax),
    failed_attempts: texts(value.failedAttempts),
    provider_request_id: text(value.providerRequestId),
    requests_limit: requests.limit,
    requests_remaining: requests.remaining,
    tokens_limit: tokens.limit,
    tokens_remaining: tokens.remaining,
  };
}

/** PostgreSQL's int has a sign. */
const attemptsMax = 2 ** 31 - 1;

/** What is left means nothing without the limit: nothing left and nothing said are both 0 in a fact. */
function headroom(limit: bigint, remaining: bigint): { limit: bigint | null; remaining: bigint | null } {
  return limit > 0n ? { limit: count(limit), remaining: count(remaining) } : { limit: null, remaining: null };
}

function usedBy(value: ModelCallCompleted) {
  const basis = basisOf(value.basis);
  const isCostKnown = value.priceVersion !== "" || basis === "none";
  return {
    input_tokens: count(value.inputTokens),
    cache_read_tokens: count(value.cacheReadTokens),
    cache_write_5m_tokens: count(value.cacheWrite5mTokens),
    cache_write_1h_tokens: count(value.cacheWrite1hTokens),
    output_tokens: count(value.outputTokens),
    reasoning_tokens: count(value.reasoningTokens),
    web_searches: count(value.webSearches),
    basis,
    cost_nano_usd: isCostKnown ? cost(value.costNanoUsd) : null,
    price_version: text(value.priceVersion),
    service_tier: text(value.serviceTier),
  };
}

/** An outcome that is newer than this version is a call that did not end in an answer that we know of. */
function outcomeOf(outcome: ModelCallOutcome): string {
  return outcome in outcomes && outcome !== ModelCallOutcome.UNSPECIFIED ? outcomes[outcome] : "provider-failed";
}

/** What is not known to be exact is an estimate. */
function basisOf(basis: UsageBasis): string {
  return basis in bases && basis !== UsageBasis.UNSPECIFIED ? bases[basis] : "estimated";
}

/** As far as a price was known. */
export function modelCallCost({ priceVersion, costNanoUsd }: ModelCallCompleted): bigint {
  return priceVersion === "" ? 0n : cost(costNanoUsd);
}
