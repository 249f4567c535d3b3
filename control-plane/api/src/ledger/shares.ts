// Whose calls cost how much of a budget, as the facts of its period have it: the largest, and all others together. Facts come
// seconds late, and know nothing of changes after which a budget counts anew, so that the sum is not always what the ledger says.

import { scopeIn, type Scope } from "@tollgate/kernel/quotas/quota-scope";
import type { Budget } from "@tollgate/schema/resources";
import type { Sql } from "../database.ts";
import { paidCallsOf, scopeValues } from "./unreserved.ts";

export type ShareKind = "team" | "user" | "key";
export type Share = { readonly kind: ShareKind; readonly id: string; readonly spent: bigint };
export type Shares = { readonly shares: readonly Share[]; readonly rest: { children: bigint; spent: bigint } };

/** How calls are told apart; undefined where there is nothing below. */
const groups = {
  customer: { kind: "'team'", id: "team_id" },
  team: { kind: "CASE WHEN user_id <> '' THEN 'user' ELSE 'key' END", id: "coalesce(nullif(user_id, ''), key_id)" },
  user: { kind: "'key'", id: "key_id" },
  label: { kind: "'key'", id: "key_id" },
  key: undefined,
} as const satisfies Record<Scope["kind"], { kind: string; id: string } | undefined>;

type Span = { readonly beginsMs: number | undefined; readonly endsMs: number | undefined };

/** Undefined for the budget of a key. */
export async function readShares(sql: Sql, budget: Budget, span: Span, first: number): Promise<Shares | undefined> {
  const scope = scopeIn(budget.scope);
  const group = scope && groups[scope.kind];
  if (scope === undefined || group === undefined) return undefined;
  const paid = paidCallsOf(scope, [`${group.kind} AS kind`, `${group.id} AS id`, "cost_nano_usd"]);
  const rows = await sql.query<{ place: bigint; kind: ShareKind; id: string; spent: string; children: bigint }>(
    `WITH child AS (SELECT kind, id, sum(cost_nano_usd) AS spent FROM ${paid} GROUP BY kind, id),
       placed AS (SELECT *, least(row_number() OVER (ORDER BY spent DESC, kind, id), $4::bigint + 1) AS place FROM child)
     SELECT place, min(kind) AS kind, min(id) AS id, sum(spent)::text AS spent, count(*) AS children
     FROM placed GROUP BY place ORDER BY place`,
    [...scopeValues(scope, span), first],
  );
  const rest = rows[first];
  return {
    shares: rows.slice(0, first).map(({ kind, id, spent }) => ({ kind, id, spent: BigInt(spent) })),
    rest: { children: rest?.children ?? 0n, spent: BigInt(rest?.spent ?? 0) },
  };
}
