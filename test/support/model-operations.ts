// What an admin does about models, as tests need it: providers, aliases, prices. Each fails loudly when it is refused; a test of a
// refusal asks for itself.

import type { AdminClient } from "./admin-client.ts";

type Answer = { readonly __typename: string; readonly message?: string; readonly position?: string };

async function done<Success extends object>(
  admin: AdminClient,
  { mutation, fields }: { mutation: string; fields: string },
  input: object,
): Promise<Success & { readonly position: string }> {
  const name = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`;
  const { result } = await admin.run<{ result: Answer }>(
    `mutation ($input: ${name}Input!) { result: ${mutation}(input: $input) {
       __typename ... on ${name}Succeeded { position ${fields} } ... on Refusal { message } } }`,
    { input },
  );
  if (result.__typename !== `${name}Succeeded`)
    throw new Error(`refused as ${result.__typename}: ${result.message ?? ""}`);
  // The name was just compared; the fields are those that were asked for.
  return result as Answer & Success & { position: string };
}

export interface ProviderInput {
  readonly name: string;
  readonly kind: "ANTHROPIC" | "OPENAI";
  readonly baseUrl?: string;
  readonly credentials: readonly {
    readonly name: string;
    readonly value?: string;
    readonly secretName?: string;
    readonly weight?: number;
    readonly models?: readonly string[];
  }[];
  readonly models?: readonly string[];
  readonly timeoutSeconds?: number;
  readonly passthrough?: boolean;
}

/** Tests' providers listen on this machine. */
export async function registerProvider(
  admin: AdminClient,
  input: ProviderInput,
): Promise<{ id: string; position: string }> {
  const asked = { mutation: "registerProvider", fields: "provider { id }" };
  const { provider, position } = await done<{ provider: { id: string } }>(admin, asked, {
    allowPrivateNetwork: true,
    ...input,
  });
  return { id: provider.id, position };
}

export async function changeProvider(
  admin: AdminClient,
  input: Partial<Omit<ProviderInput, "name" | "kind">> & { readonly id: string },
): Promise<{ position: string }> {
  return done(admin, { mutation: "changeProvider", fields: "provider { id }" }, input);
}

/** `model` is `provider/model`. */
export async function createModelAlias(
  admin: AdminClient,
  { name, model }: { name: string; model: string },
): Promise<{ id: string; position: string }> {
  const slash = model.indexOf("/");
  const targets = [{ provider: model.slice(0, slash), model: model.slice(slash + 1) }];
  const asked = { mutation: "createModelAlias", fields: "modelAlias { id }" };
  const { modelAlias, position } = await done<{ modelAlias: { id: string } }>(admin, asked, { name, targets });
  return { id: modelAlias.id, position };
}

/** Dollars, as decimal texts. */
export interface PriceInput {
  readonly provider: string;
  readonly model: string;
  readonly serviceTier?: string;
  readonly inputPerMillion: string;
  readonly cachedInputPerMillion?: string;
  readonly cacheWrite5mPerMillion?: string;
  readonly cacheWrite1hPerMillion?: string;
  readonly outputPerMillion: string;
  readonly perRequest?: string;
  readonly perWebSearch?: string;
  readonly contextTokensMax?: string;
  readonly outputTokensMax?: string;
}

export async function setPrices(
  admin: AdminClient,
  prices: readonly PriceInput[],
): Promise<{ version: number; position: string }> {
  const asked = { mutation: "setPrices", fields: "priceList { version }" };
  const { priceList, position } = await done<{ priceList: { version: number } }>(admin, asked, { prices });
  return { version: priceList.version, position };
}

export interface ModelCallRow {
  readonly id: string;
  readonly requestId: string;
  readonly outcome: string;
  readonly basis: string;
  readonly costNanoUsd: string | null;
  readonly priceVersion: string | null;
}

/** Every call to a model that the filter takes, page after page. */
export async function readModelCalls(
  admin: AdminClient,
  filter: { keyId?: string; outcome?: string } = {},
): Promise<ModelCallRow[]> {
  type Page = { nodes: ModelCallRow[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
  const rows: ModelCallRow[] = [];
  let after: string | null = null;
  do {
    const { modelCalls }: { modelCalls: Page } = await admin.run(
      `query ($after: String, $filter: ModelCallFilter) {
         modelCalls(first: 100, after: $after, filter: $filter) {
           nodes { id requestId outcome basis costNanoUsd priceVersion } pageInfo { hasNextPage endCursor } } }`,
      { after, filter },
    );
    rows.push(...modelCalls.nodes);
    after = modelCalls.pageInfo.hasNextPage ? modelCalls.pageInfo.endCursor : null;
  } while (after !== null);
  return rows;
}
