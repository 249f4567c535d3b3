// Calls to models out of the usage store: which there are for a wish, and which turn asked for a use of a tool.

import { accountColumns, accountConditions, type AccountRow, type AccountWish } from "../calls/accounts.ts";
import type { ToolUse } from "../calls/calls.ts";
import { isOfKeyNamed } from "../calls/calls.ts";
import { readFactPage, type Conditions, type FactPlace, type FactTable } from "../calls/fact-page.ts";
import type { Sql } from "../database.ts";
import type { Page } from "../graphql/connection.ts";

export type ModelCallRow = FactPlace &
  AccountRow & {
    requestId: string;
    door: string;
    operation: string;
    modelAsked: string;
    providerId: string;
    provider: string;
    model: string;
    modelServed: string;
    credential: string;
    outcome: string;
    status: number | null;
    attempts: number;
    failedAttempts: string[];
    streamed: boolean;
    requestBytes: bigint;
    responseBytes: bigint;
    firstByteUs: bigint;
    totalUs: bigint;
    inputTokens: bigint;
    cacheReadTokens: bigint;
    cacheWrite5mTokens: bigint;
    cacheWrite1hTokens: bigint;
    outputTokens: bigint;
    reasoningTokens: bigint;
    webSearches: bigint;
    basis: string;
    costNanoUsd: bigint | null;
    priceVersion: string;
    serviceTier: string;
    stopReason: string;
    toolUseIds: string[];
    providerRequestId: string;
    sessionId: string;
    agentId: string;
    parentAgentId: string;
    clientName: string;
    clientVersion: string;
    requestsLimit: bigint | null;
    requestsRemaining: bigint | null;
    tokensLimit: bigint | null;
    tokensRemaining: bigint | null;
  };

const columns = `proxy_id AS "proxyId", epoch, seq, time, request_id AS "requestId", ${accountColumns}, door, operation, model_asked AS "modelAsked", provider_id AS "providerId", provider, model,
  model_served AS "modelServed", credential, outcome, status, attempts, failed_attempts AS "failedAttempts", streamed,
  request_bytes AS "requestBytes", response_bytes AS "responseBytes", first_byte_us AS "firstByteUs",
  total_us AS "totalUs", input_tokens AS "inputTokens", cache_read_tokens AS "cacheReadTokens",
  cache_write_5m_tokens AS "cacheWrite5mTokens", cache_write_1h_tokens AS "cacheWrite1hTokens",
  output_tokens AS "outputTokens", reasoning_tokens AS "reasoningTokens", web_searches AS "webSearches", basis,
  cost_nano_usd AS "costNanoUsd", price_version AS "priceVersion", service_tier AS "serviceTier",
  stop_reason AS "stopReason", tool_use_ids AS "toolUseIds", provider_request_id AS "providerRequestId",
  session_id AS "sessionId", agent_id AS "agentId", parent_agent_id AS "parentAgentId", client_name AS "clientName",
  client_version AS "clientVersion", requests_limit AS "requestsLimit", requests_remaining AS "requestsRemaining",
  tokens_limit AS "tokensLimit", tokens_remaining AS "tokensRemaining"`;

export type ModelCallWish = AccountWish & {
  keyName?: string | undefined;
  keyId?: string | undefined;
  teamId?: string | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  outcome?: string | undefined;
  basis?: string | undefined;
  sessionId?: string | undefined;
  agentId?: string | undefined;
  toolUseId?: string | undefined;
  requestId?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
};

// The sessions, agents and tool uses as their indexes have them; '' is what many calls have in common because nothing was said.
export const modelCallConditions: Conditions<ModelCallWish> = {
  keyName: isOfKeyNamed,
  keyId: (at) => `key_id = ${at}`,
  teamId: (at) => `team_id = ${at}`,
  ...accountConditions,
  provider: (at) => `provider = ${at}`,
  model: (at) => `model = ${at}`,
  outcome: (at) => `outcome = ${at}`,
  basis: (at) => `basis = ${at}`,
  sessionId: (at) => `session_id = ${at} AND session_id <> ''`,
  agentId: (at) => `agent_id = ${at} AND agent_id <> ''`,
  toolUseId: (at) => asksFor(`${at}::text`),
  requestId: (at) => `request_id = ${at}`,
  from: (at) => `time >= ${at}`,
  to: (at) => `time < ${at}`,
};

function asksFor(use: string): string {
  return `tool_use_ids @> ARRAY[${use}] AND tool_use_ids <> '{}'`;
}

const table: FactTable<ModelCallWish> = { name: "usage.model_call", columns, conditions: modelCallConditions };

export function readModelCalls(sql: Sql, wish: ModelCallWish, page: Page): Promise<ModelCallRow[]> {
  return readFactPage<ModelCallRow, ModelCallWish>(sql, table, wish, page);
}

/** `time`: of the call that says so. */
export type SaidToolUse = ToolUse & { readonly time: Date };

/**
 * For each use, in its order, the turn that asked for it: the newest before the call, else, because a turn that is still being
 * told may have its tools called already, the first after it.
 */
export async function readTurnsOf(sql: Sql, uses: readonly SaidToolUse[]): Promise<(ModelCallRow | undefined)[]> {
  const rows = await sql.query<ModelCallRow & { nth: bigint }>(
    `SELECT asked.nth, found.* FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY
       AS asked (team, use, called, nth)
     CROSS JOIN LATERAL (
       SELECT ${columns} FROM usage.model_call WHERE ${asksFor("asked.use")} AND team_id = asked.team
       ORDER BY time > asked.called, abs(extract(epoch FROM time - asked.called)), proxy_id, epoch, seq LIMIT 1
     ) AS found`,
    [uses.map(({ teamId }) => teamId), uses.map(({ toolUseId }) => toolUseId), uses.map(({ time }) => time)],
  );
  const found = new Map(rows.map(({ nth, ...row }) => [Number(nth) - 1, row]));
  return uses.map((_, index) => found.get(index));
}
