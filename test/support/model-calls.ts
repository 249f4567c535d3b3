// What an admin sees of calls to models, and the changes to models that answer alike, as tests need them.

import type { AdminClient } from "./admin-client.ts";
import type { Outcome } from "./catalogue-operations.ts";

export interface ModelCallRow {
  readonly requestId: string;
  readonly outcome: string;
  readonly door: string;
  readonly modelAsked: string;
  readonly provider: string;
  readonly model: string;
  readonly credential: string | null;
  readonly status: number | null;
  readonly attempts: number;
  readonly basis: string;
  readonly tokens: Readonly<Record<string, string>>;
  readonly costUsd: string | null;
  readonly costNanoUsd: string | null;
  readonly priceVersion: string | null;
  readonly toolUseIds: readonly string[];
  readonly toolCalls: readonly { server: string; tool: string; outcome: string }[];
}

const callFields = `requestId outcome door modelAsked provider model credential status attempts basis
  tokens { input cacheRead cacheWrite5m cacheWrite1h output reasoning } costUsd costNanoUsd priceVersion
  toolUseIds toolCalls { server tool outcome }`;

/** Undefined while its fact is on its way. */
export async function readModelCall(admin: AdminClient, requestId: string): Promise<ModelCallRow | undefined> {
  const { modelCalls } = await admin.run<{ modelCalls: { nodes: ModelCallRow[] } }>(
    `query ($requestId: String) { modelCalls(filter: { requestId: $requestId }) { nodes { ${callFields} } } }`,
    { requestId },
  );
  if (modelCalls.nodes.length > 1) throw new Error(`more than one fact of ${requestId}`);
  return modelCalls.nodes[0];
}

export interface ModelUsageRow {
  readonly group: string;
  readonly calls: string;
  readonly costUsd: string;
  readonly costNanoUsd: string;
  readonly estimatedCalls: string;
  readonly unpricedCalls: string;
  readonly tokens: { readonly input: string; readonly output: string };
}

export async function readModelUsage(
  admin: AdminClient,
  filter: object,
  groupBy?: "KEY" | "MODEL",
): Promise<ModelUsageRow[]> {
  const { modelUsage } = await admin.run<{ modelUsage: { nodes: ModelUsageRow[] } }>(
    `query ($filter: ModelCallFilter, $groupBy: ModelUsageGrouping) { modelUsage(filter: $filter, groupBy: $groupBy) { nodes {
       group calls costUsd costNanoUsd estimatedCalls unpricedCalls tokens { input output } } } }`,
    { filter, groupBy: groupBy ?? null },
  );
  return modelUsage.nodes;
}

export interface CredentialHealth {
  readonly credential: string;
  readonly attempts: string;
  readonly failures: string;
  readonly errorRate: number;
  readonly errors: readonly { what: string; attempts: string }[];
  readonly firstByteUsP50: string | null;
  readonly firstByteUsP95: string | null;
  readonly lastStatus: number | null;
  readonly headroom: { requestsLimit: string | null; requestsRemaining: string | null } | null;
}

export async function readProviderHealth(admin: AdminClient, provider: string): Promise<CredentialHealth[]> {
  const { providerHealth } = await admin.run<{ providerHealth: CredentialHealth[] }>(
    `query ($provider: String!) { providerHealth(provider: $provider) {
       credential attempts failures errorRate errors { what attempts } firstByteUsP50 firstByteUsP95 lastStatus
       headroom { requestsLimit requestsRemaining } } }`,
    { provider },
  );
  return providerHealth;
}

export async function retire(
  admin: AdminClient,
  mutation: "retireProvider" | "retireModelAlias",
  id: string,
): Promise<Outcome> {
  const { answer } = await admin.run<{ answer: Outcome }>(
    `mutation ($id: ID!) { answer: ${mutation}(id: $id) { __typename ... on Refusal { message } } }`,
    { id },
  );
  return answer;
}

export async function changeKeyModels(admin: AdminClient, id: string, models: readonly string[]): Promise<Outcome> {
  const { answer } = await admin.run<{ answer: Outcome }>(
    `mutation ($id: ID!, $models: [String!]) { answer: changeKey(input: { id: $id, models: $models }) {
       __typename ... on Refusal { message } } }`,
    { id, models },
  );
  return answer;
}
