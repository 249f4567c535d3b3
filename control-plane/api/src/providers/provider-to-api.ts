// A provider between the API and the schema: its words in both directions, and what somebody wants its credentials to be. A value
// comes in and never goes out again.

import { ProviderKind as KindValue, type Provider as ProviderResource } from "@tollgate/schema/resources";
import type {
  ChangeProviderInput,
  Provider,
  ProviderCredentialInput,
  ProviderKind,
  RegisterProviderInput,
} from "../gen/graphql.ts";
import { invalidInput, type InvalidInput } from "../refusals.ts";
import { nameIn } from "../tool-groups/tool-group-to-api.ts";
import type { ProviderSettings } from "./provider.decider.ts";
import type { WantedCredential } from "./provider-secrets.ts";

export const kinds = {
  ANTHROPIC: KindValue.ANTHROPIC,
  OPENAI: KindValue.OPENAI,
} as const satisfies Record<ProviderKind, KindValue>;

export function providerToApi(provider: ProviderResource): Provider {
  const { id, name, kind, baseUrl, models, timeoutSeconds, allowPrivateNetwork, passthrough } = provider;
  const word = nameIn(kinds, kind);
  if (word === undefined) throw new Error(`the provider ${id} has a kind that is not known here`);
  return {
    ...{ id, name, kind: word, baseUrl, models, timeoutSeconds, allowPrivateNetwork, passthrough },
    credentials: provider.credentials.map(({ name: of, secretId, weight, models: only }) => {
      return { name: of, secretId, weight, models: only };
    }),
  };
}

type Settings = Omit<ProviderSettings, "kind" | "credentials">;

/** What the input says. */
export function settingsFromApi(input: Omit<RegisterProviderInput | ChangeProviderInput, "credentials">) {
  const { baseUrl, models, timeoutSeconds, allowPrivateNetwork, passthrough } = input;
  return {
    ...(typeof baseUrl === "string" ? { baseUrl } : {}),
    ...(models ? { models } : {}),
    ...(typeof timeoutSeconds === "number" ? { timeoutSeconds } : {}),
    ...(typeof allowPrivateNetwork === "boolean" ? { allowPrivateNetwork } : {}),
    ...(typeof passthrough === "boolean" ? { passthrough } : {}),
  } satisfies Partial<Settings>;
}

export type WantedFromApi =
  { outcome: "wanted"; wanted: WantedCredential[] } | { outcome: "refused"; refusal: InvalidInput };

export function credentialsFromApi(inputs: readonly ProviderCredentialInput[]): WantedFromApi {
  const wanted: WantedCredential[] = [];
  for (const [index, { name, secretName, value, weight, models }] of inputs.entries()) {
    if (typeof secretName === "string" && typeof value === "string") {
      const refusal = invalidInput(`credentials[${index}]`, "must have only one of `secretName` and `value`");
      return { outcome: "refused", refusal };
    }
    const given = typeof value === "string" ? { value } : typeof secretName === "string" ? { secretName } : undefined;
    wanted.push({ name, source: given ?? "kept", weight: weight ?? 1, models: models ?? [] });
  }
  return { outcome: "wanted", wanted };
}
