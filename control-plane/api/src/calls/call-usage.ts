// What calls to servers cost together. Calls whose price was not known are counted and are in no cost; what was refused is neither.

import { formatUsd } from "@tollgate/kernel/money";
import type { Sql } from "../database.ts";
import type { CallUsage, CallUsageGrouping } from "../gen/graphql.ts";
import type { Page } from "../graphql/connection.ts";
import { callConditions, type CallWish } from "./calls.ts";
import { labelGroup, readUsagePage, type UsageTable } from "./usage-page.ts";

const table: UsageTable<CallWish, "calls" | "unpricedCalls"> = {
  name: "usage.call",
  conditions: callConditions,
  always: ["outcome <> 'refused'"],
  sums: {
    calls: "count(*)",
    costNanoUsd: "coalesce(sum(cost_nano_usd), 0)",
    unpricedCalls: "count(*) FILTER (WHERE cost_nano_usd IS NULL)",
  },
};

const groupings = {
  KEY: "key_id",
  TEAM: "team_id",
  USER: "user_id",
  CUSTOMER: "customer_id",
  LABEL: labelGroup,
  SERVER: "server",
  TOOL: "server || '/' || tool",
  SESSION: "session_id",
} as const satisfies Record<CallUsageGrouping, string>;

export async function readCallUsage(
  sql: Sql,
  wish: CallWish,
  grouping: CallUsageGrouping | undefined,
  page: Page,
): Promise<CallUsage[]> {
  const group = grouping && groupings[grouping];
  const rows = await readUsagePage(sql, table, { wish, group, page });
  return rows.map((row) => {
    const costNanoUsd = BigInt(row.costNanoUsd);
    const counts = { calls: BigInt(row.calls), unpricedCalls: BigInt(row.unpricedCalls) };
    return { group: row.group, ...counts, costNanoUsd, costUsd: formatUsd(costNanoUsd) };
  });
}
