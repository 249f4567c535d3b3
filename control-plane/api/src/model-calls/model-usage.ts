// What calls to models used and cost together, in groups, the dearest first. Sums are made by PostgreSQL in numbers without an
// end, so no group is too large to be exact. Calls whose price was not known are counted and are in no cost.

import { conditionsOf, foreignCursor, newValues, whereOf } from "../calls/fact-page.ts";
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
  LABEL: "coalesce(label, '')",
  MODEL: "provider || '/' || model",
  PROVIDER: "provider",
  SESSION: "session_id",
  AGENT: "agent_id",
} as const satisfies Record<ModelUsageGrouping, string>;

/** A call is in the group of each of its labels. */
const eachLabel = "LEFT JOIN LATERAL unnest(labels) AS label ON true";

export function usageKey({ costNanoUsd, group }: ModelUsageRow): readonly string[] {
  return [costNanoUsd.toString(), group];
}

/** One row more than the page takes, where there is one. Without grouping all calls are one group, if there are any. */
export async function readModelUsage(
  sql: Sql,
  wish: ModelCallWish,
  grouping: ModelUsageGrouping | undefined,
  page: Page,
): Promise<ModelUsageRow[]> {
  const values = newValues();
  const { at } = values;
  const group = `(${grouping === undefined ? "''::text" : groupings[grouping]}) COLLATE "C"`;
  const where = whereOf(conditionsOf(modelCallConditions, wish, values));
  const rows = await sql.query<Readonly<Record<keyof ModelUsageRow, string>>>(
    `SELECT * FROM (
       SELECT ${group} AS "group", ${Object.entries(sums)
         .map(([name, sum]) => `(${sum})::numeric AS "${name}"`)
         .join(", ")}
       FROM usage.model_call ${grouping === "LABEL" ? eachLabel : ""} ${where} GROUP BY 1
     ) AS used ${whereOf(after(page, at))} ORDER BY "costNanoUsd" DESC, "group" LIMIT ${at(page.take + 1)}`,
    values.list,
  );
  return rows.map(exact);
}

function after({ after }: Page, at: (value: unknown) => string): string[] {
  if (after === undefined) return [];
  const [cost = "", group = ""] = after;
  if (!/^\d{1,40}$/.test(cost)) throw foreignCursor();
  return [`("costNanoUsd", ${at(group)}) < (${at(cost)}::numeric, "group")`];
}

/** Numbers without an end come as text. */
function exact({ group, ...row }: Readonly<Record<keyof ModelUsageRow, string>>): ModelUsageRow {
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
