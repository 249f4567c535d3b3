// What is spent in a budget's scope without being reserved in its account: before there was the budget, by a proxy that did not
// know of it yet, or one that was allowed to go on without the ledger. A fact names the accounts that its call held of; in every
// other account of its scope and time it is added, once, when it is stored. An account that is opened begins with the facts
// that are there. The two do not meet: who opens waits for all who store, and they for him.

import { addUnreserved, type Account, type Entry } from "@tollgate/kernel/lending/account";
import { scopeIn, scopeText, type Scope } from "@tollgate/kernel/quotas/quota-scope";
import type { Sql } from "../database.ts";
import { int8Max } from "../usage/batch.ts";
import { addToJournal, lockAccounts, saveAccount } from "./rows.ts";
import type { Subject } from "./subjects.ts";

const lock = "hashtextextended('tollgate/ledger opening', 0)";

/** Two thousand million dollars; with what was lent it is a number that PostgreSQL has. */
const unreservedMax = int8Max / 4n;

/** As text, the same as in rows of accounts; empty where there is none. */
export function scopeOfSubject(subject: Subject): string {
  const scope = scopeOf(subject);
  return scope === undefined ? "" : scopeText(scope);
}

/** An exposure has none: nothing is spent of it but what is held. */
function scopeOf({ account, budget }: Subject): Scope | undefined {
  return account.startsWith("budget/") ? scopeIn(budget?.scope) : undefined;
}

/**
 * Until the transaction ends; nothing is locked for those of which nothing is charged. Before the first of them is opened: who has
 * a row that another wants, and waits here for him, would wait for ever.
 */
export async function lockToOpen(sql: Sql, subjects: readonly Subject[]): Promise<void> {
  if (subjects.some((subject) => scopeOf(subject) !== undefined))
    await sql.query(`SELECT pg_advisory_xact_lock(${lock})`);
}

/** Under the lock of `lockToOpen`. */
export async function openingBalance(
  sql: Sql,
  account: Account,
  subject: Subject,
): Promise<{ account: Account; entries: readonly Entry[] }> {
  const { budget, beginsMs, endsMs } = subject;
  const scope = scopeOf(subject);
  if (budget === undefined || scope === undefined) return { account, entries: [] };
  const [row] = await sql.query<{ sum: bigint }>(
    `SELECT least(coalesce(sum(cost_nano_usd), 0), ${unreservedMax})::bigint AS sum FROM ${paidCallsOf(scope, ["cost_nano_usd", "accounts"])}
     WHERE NOT EXISTS (SELECT FROM unnest(accounts) AS charged WHERE starts_with(charged, $4))`,
    [...scopeValues(scope, { beginsMs, endsMs }), `budget/${budget.id}/`],
  );
  return add(account, row?.sum ?? 0n);
}

/** No account ends where PostgreSQL's numbers do: what a faulty proxy said would keep all facts beside it from being stored. */
function add(account: Account, amount: bigint): { account: Account; entries: readonly Entry[] } {
  const left = unreservedMax - account.unreserved;
  return addUnreserved(account, amount < left ? amount : left);
}

/** Calls to models and servers, each with these columns: of a scope that `scopeValues` says, as $1 to $3. */
export function paidCallsOf(scope: Scope, columns: readonly string[]): string {
  const of = (table: string): string =>
    `SELECT ${columns.join(", ")} FROM ${table} WHERE ${conditions[scope.kind]} AND cost_nano_usd > 0
       AND time >= coalesce(to_timestamp($2::float8 / 1000), '-infinity')
       AND time < coalesce(to_timestamp($3::float8 / 1000), 'infinity')`;
  return `(${of("usage.model_call")} UNION ALL ${of("usage.call")}) AS paid`;
}

type Span = { readonly beginsMs: number | undefined; readonly endsMs: number | undefined };

export function scopeValues(scope: Scope, { beginsMs, endsMs }: Span): unknown[] {
  return [scope.kind === "label" ? `${scope.name}=${scope.value}` : scope.id, beginsMs ?? null, endsMs ?? null];
}

const conditions = {
  key: "key_id = $1",
  team: "team_id = $1",
  user: "user_id = $1",
  customer: "customer_id = $1",
  // As its index has it.
  label: "labels @> ARRAY[$1] AND labels <> '{}'",
} as const satisfies Record<Scope["kind"], string>;

export type SpentCall = {
  readonly timeMs: number;
  readonly nanoUsd: bigint;
  readonly scopes: readonly string[];
  /** That it held of. */
  readonly accounts: readonly string[];
};

/** In the transaction that stores the facts of the calls. */
export async function chargeUnreserved(sql: Sql, calls: readonly SpentCall[]): Promise<void> {
  const paid = calls.filter(({ nanoUsd }) => nanoUsd > 0n);
  if (paid.length === 0) return;
  await sql.query(`SELECT pg_advisory_xact_lock_shared(${lock})`);
  const scopes = [...new Set(paid.flatMap((call) => call.scopes))];
  const times = paid.map(({ timeMs }) => timeMs);
  // Periods that are over stay, and become many.
  const rows = await sql.query<{ account: string; scope: string }>(
    `SELECT account, scope FROM ledger.account WHERE scope = ANY ($1::text[])
       AND (ends_at IS NULL OR ends_at > to_timestamp($2::float8 / 1000))
       AND (begins_at IS NULL OR begins_at <= to_timestamp($3::float8 / 1000)) ORDER BY account`,
    [scopes, Math.min(...times), Math.max(...times)],
  );
  if (rows.length === 0) return;
  const sums = new Map<string, bigint>();
  const spans = await lockAccounts(
    sql,
    rows
      .filter(({ scope, account }) => paid.some((call) => isMissingIn(call, scope, account)))
      .map((row) => row.account),
  );
  const scopeOf = new Map(rows.map(({ account, scope }) => [account, scope]));
  for (const call of paid)
    for (const [name, { beginsMs = -Infinity, endsMs = Infinity }] of spans) {
      const isIn = call.timeMs >= beginsMs && call.timeMs < endsMs;
      if (isIn && isMissingIn(call, scopeOf.get(name) ?? "", name))
        sums.set(name, (sums.get(name) ?? 0n) + call.nanoUsd);
    }
  for (const [name, amount] of sums) {
    const account = spans.get(name);
    if (account === undefined) continue;
    const done = add(account.state, amount);
    await saveAccount(sql, { ...account, state: done.account });
    await addToJournal(
      sql,
      done.entries.map((entry) => ({ account: name, lease: "", entry, reason: "" })),
    );
  }
}

function isMissingIn({ scopes, accounts }: SpentCall, scope: string, account: string): boolean {
  const subject = `${account.split("/").slice(0, 2).join("/")}/`;
  return scopes.includes(scope) && !accounts.some((charged) => charged.startsWith(subject));
}
