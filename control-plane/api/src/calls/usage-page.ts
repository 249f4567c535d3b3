// Pages of what calls used and cost together, in groups, the dearest first. Sums are made by PostgreSQL in numbers without an end,
// so no group is too large to be exact; they come as text. Which table, which sums and which groups is the caller's.

import type { Sql } from "../database.ts";
import type { Page } from "../graphql/connection.ts";
import { conditionsOf, foreignCursor, newValues, whereOf, type Conditions } from "./fact-page.ts";

/** A call is in the group of each of its labels. */
const eachLabel = "LEFT JOIN LATERAL unnest(labels) AS label ON true";
export const labelGroup = "coalesce(label, '')";

export type UsageTable<Wish, Sum extends string> = {
  readonly name: string;
  readonly conditions: Conditions<Wish>;
  /** Beside those of a wish. */
  readonly always: readonly string[];
  readonly sums: Readonly<Record<Sum | "costNanoUsd", string>>;
};

export type UsageTexts<Sum extends string> = Readonly<Record<Sum | "costNanoUsd" | "group", string>>;

/** `group`: without it all calls are one group, if there are any. */
export type UsageAsked<Wish> = { readonly wish: Wish; readonly group: string | undefined; readonly page: Page };

export function usageKey({ costNanoUsd, group }: { costNanoUsd: bigint; group: string }): readonly string[] {
  return [costNanoUsd.toString(), group];
}

/** One row more than the page takes, where there is one. */
export async function readUsagePage<Wish extends object, Sum extends string>(
  sql: Sql,
  table: UsageTable<Wish, Sum>,
  { wish, group = "''::text", page }: UsageAsked<Wish>,
): Promise<UsageTexts<Sum>[]> {
  const values = newValues();
  const { at } = values;
  const where = whereOf([...table.always, ...conditionsOf(table.conditions, wish, values)]);
  const sums = Object.entries<string>(table.sums).map(([name, sum]) => `(${sum})::numeric AS "${name}"`);
  return sql.query<UsageTexts<Sum>>(
    `SELECT * FROM (
       SELECT (${group}) COLLATE "C" AS "group", ${sums.join(", ")}
       FROM ${table.name} ${group === labelGroup ? eachLabel : ""} ${where} GROUP BY 1
     ) AS used ${whereOf(after(page, at))} ORDER BY "costNanoUsd" DESC, "group" LIMIT ${at(page.take + 1)}`,
    values.list,
  );
}

function after({ after }: Page, at: (value: unknown) => string): string[] {
  if (after === undefined) return [];
  const [cost = "", group = ""] = after;
  if (!/^\d{1,40}$/.test(cost)) throw foreignCursor();
  return [`("costNanoUsd", ${at(group)}) < (${at(cost)}::numeric, "group")`];
}
