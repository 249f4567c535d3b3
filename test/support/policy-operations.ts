// What an admin does about policies, as tests need it. Each fails loudly when it is refused; a test of a refusal asks for itself.

import type { AdminClient } from "./admin-client.ts";

export interface RuleInput {
  readonly enabled?: boolean;
  readonly order?: number;
  readonly match?: string;
  readonly covers?: { serverIds?: readonly string[]; providerIds?: readonly string[]; teamIds?: readonly string[] };
  readonly deny?: { message?: string };
  readonly redact?: { of: string; direction: string; patterns: readonly string[]; replacement?: string };
  readonly validateArguments?: { schema: string };
  readonly limit?: { measure: string; amount: string; window?: string };
}

type Answer = { readonly __typename: string; readonly message?: string; readonly policy?: { readonly id: string } };

export async function askToCreatePolicy(admin: AdminClient, name: string, rule: RuleInput): Promise<Answer> {
  const { createPolicy } = await admin.run<{ createPolicy: Answer }>(
    `mutation ($input: CreatePolicyInput!) { createPolicy(input: $input) {
       __typename ... on CreatePolicySucceeded { policy { id } } ... on Refusal { message } } }`,
    { input: { name, rule } },
  );
  return createPolicy;
}

export async function createPolicy(admin: AdminClient, name: string, rule: RuleInput): Promise<{ id: string }> {
  const answer = await askToCreatePolicy(admin, name, rule);
  if (answer.policy === undefined) throw new Error(`refused as ${answer.__typename}: ${answer.message ?? ""}`);
  return answer.policy;
}

export async function changePolicy(admin: AdminClient, id: string, rule: RuleInput): Promise<void> {
  const { changePolicy: answer } = await admin.run<{ changePolicy: Answer }>(
    `mutation ($input: ChangePolicyInput!) { changePolicy(input: $input) { __typename ... on Refusal { message } } }`,
    { input: { id, rule } },
  );
  if (answer.__typename !== "ChangePolicySucceeded") throw new Error(`refused: ${answer.message ?? ""}`);
}

export async function retirePolicy(admin: AdminClient, id: string): Promise<void> {
  const { retirePolicy: answer } = await admin.run<{ retirePolicy: Answer }>(
    `mutation ($id: ID!) { retirePolicy(id: $id) { __typename ... on Refusal { message } } }`,
    { id },
  );
  if (answer.__typename !== "RetirePolicySucceeded") throw new Error(`refused: ${answer.message ?? ""}`);
}

export interface Explained {
  readonly isAllowed: boolean;
  readonly code: string | null;
  readonly message: string | null;
  readonly grants: readonly { readonly level: string; readonly isAllowed: boolean }[];
  readonly policies: readonly { readonly name: string; readonly verdict: string; readonly reason: string }[];
}

export async function explainCall(admin: AdminClient, input: object): Promise<Explained> {
  const { explainCall: explained } = await admin.run<{ explainCall: Explained }>(
    `query ($input: ExplainCallInput!) { explainCall(input: $input) {
       isAllowed code message grants { level isAllowed } policies { name verdict reason } } }`,
    { input },
  );
  return explained;
}
