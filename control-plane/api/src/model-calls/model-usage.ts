// What calls to models used and cost together, in groups, the dearest first. Calls whose price was not known are counted and are in
// no cost.

import { labelGroup, readUsagePage, type UsageTable, type UsageTexts } from "../calls/usage-page.ts";
import type { Sql } from "../database.ts";
import type { ModelUsageGrouping } from "../gen/graphql.ts";
import type { Page } from "../graphql/connection.ts";
import { modelCallConditions, type ModelCallWish } from "./model-calls.ts";

const sums = {
  calls: "count(*)",
  inputTokens: "sum(input_tokens)",
  cacheReadTokens: "sum(cache_read_tokens)",
  cacheWrite5mTokens: "sum(cache_write_5m_tokens)",
  cacheWrite1hTokens: "sum(cache_write_1h_tokens)",
  outputTokens: "sum(output_tokens)",
  reasoningTokens: "sum(reasoning_tokens)",
  webSearches: "sum(web_searches)",
  costNanoUsd: "coalesce(sum(cost_nano_usd), 0)",
  estimatedCalls: "count(*) FILTER (WHERE basis = 'estimated')",
  unpricedCalls: "count(*) FILTER (WHERE cost_nano_usd IS NULL)",
} as const;

export type ModelUsageRow = { readonly group: string } & { readonly [Sum in keyof typeof sums]: bigint };

const groupings = {
  KEY: "key_id",
  TEAM: "team_id",
  USER: "user_id",
  CUSTOMER: "customer_id",
  LABEL: labelGroup,
  MODEL: "provider || '/' || model",
  PROVIDER: "provider",
  SESSION: "session_id",
  AGENT: "agent_id",
} as const satisfies Record<ModelUsageGrouping, string>;

const table: UsageTable<ModelCallWish, keyof typeof sums> = {
  name: "usage.model_call",
  conditions: modelCallConditions,
  always: [],
  sums,
};

export async function readModelUsage(
  sql: Sql,
  wish: ModelCallWish,
  grouping: ModelUsageGrouping | undefined,
  page: Page,
): Promise<ModelUsageRow[]> {
  const group = grouping && groupings[grouping];
  return (await readUsagePage(sql, table, { wish, group, page })).map(exact);
}

/** Numbers without an end come as text. */
function exact({ group, ...row }: UsageTexts<keyof typeof sums>): ModelUsageRow {
  return {
    group,
    calls: BigInt(row.calls),
    inputTokens: BigInt(row.inputTokens),
    cacheReadTokens: BigInt(row.cacheReadTokens),
    cacheWrite5mTokens: BigInt(row.cacheWrite5mTokens),
    cacheWrite1hTokens: BigInt(row.cacheWrite1hTokens),
    outputTokens: BigInt(row.outputTokens),
    reasoningTokens: BigInt(row.reasoningTokens),
    webSearches: BigInt(row.webSearches),
    costNanoUsd: BigInt(row.costNanoUsd),
    estimatedCalls: BigInt(row.estimatedCalls),
    unpricedCalls: BigInt(row.unpricedCalls),
  };
}
