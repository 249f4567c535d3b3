// What an admin does about budgets and limits, as tests need it. Each fails loudly when it is refused; a test of a refusal asks for
// itself.
import type { AdminClient } from "./admin-client.ts";

type Answer = { readonly __typename: string; readonly message?: string; readonly made?: { readonly id: string } };

/** Whom it is for; exactly one of them. */
export type QuotaScope = { readonly keyId: string } | { readonly teamId: string };

export interface BudgetInput {
  readonly name: string;
  readonly scope: QuotaScope;
  /** Dollars, as a decimal text. */
  readonly limit: string;
  readonly period: "DAY" | "WEEK" | "MONTH" | "YEAR" | "TOTAL";
  readonly hard?: boolean;
  readonly reservation?: "FULL" | "RUNNING";
  readonly allow?: readonly { readonly feature: "WEB_SEARCH"; readonly amount: string }[];
}

export interface LimitInput {
  readonly name: string;
  readonly scope: QuotaScope;
  readonly measure: "REQUESTS" | "TOKENS" | "CONCURRENT_CALLS";
  readonly amount: string;
  readonly window?: "MINUTE" | "HOUR" | "DAY";
}

export function createBudget(admin: AdminClient, input: BudgetInput): Promise<{ id: string }> {
  return create(admin, "Budget", input);
}

export function createLimit(admin: AdminClient, input: LimitInput): Promise<{ id: string }> {
  return create(admin, "Limit", input);
}

async function create(admin: AdminClient, kind: "Budget" | "Limit", input: object): Promise<{ id: string }> {
  const { answer } = await admin.run<{ answer: Answer }>(
    `mutation ($input: Create${kind}Input!) { answer: create${kind}(input: $input) {
       __typename ... on Create${kind}Succeeded { made: ${kind.toLowerCase()} { id } } ... on Refusal { message } } }`,
    { input },
  );
  if (answer.made === undefined) throw new Error(`refused as ${answer.__typename}: ${answer.message ?? ""}`);
  return answer.made;
}

export interface BudgetUsage {
  readonly limit: string;
  readonly spent: string;
  readonly reserved: string;
  readonly lent: string;
  readonly periodEnds: string | null;
}

/** Null where nothing was lent of it yet. */
export async function readBudgetUsage(admin: AdminClient, id: string): Promise<BudgetUsage | null> {
  const { budget } = await admin.run<{ budget: { usage: BudgetUsage | null } | null }>(
    "query ($id: ID!) { budget(id: $id) { usage { limit spent reserved lent periodEnds } } }",
    { id },
  );
  if (budget === null) throw new Error(`there is no budget ${id}`);
  return budget.usage;
}
