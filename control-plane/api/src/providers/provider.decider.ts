// Providers of models: registered, changed, retired. Credentials refer to secrets, which then cannot be erased; their values are
// never here, and go nowhere that they were not given for. What kind a provider is never changes: its clients, its prices and its credentials are all of that kind. A
// provider that an alias stands for is not retired; the log's name rows hold that.

import { create, equals } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import {
  ProviderChangedSchema,
  ProviderRegisteredSchema,
  ProviderRetiredSchema,
  type ProviderChanged,
  type ProviderRegistered,
  type ProviderRetired,
} from "@tollgate/schema/events";
import { ProviderCredentialSchema, ProviderSchema, type Provider, type ProviderKind } from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { isSameOrigin, settingsProblem } from "./provider-problems.ts";

export type CredentialReference = { name: string; secretId: string; weight: number; models: readonly string[] };

export type ProviderSettings = {
  kind: ProviderKind;
  baseUrl: string;
  credentials: readonly CredentialReference[];
  /** None: all. */
  models: readonly string[];
  timeoutSeconds: number;
  allowPrivateNetwork: boolean;
  passthrough: boolean;
};

export type ProviderCommand =
  | { kind: "register"; id: string; name: string; settings: ProviderSettings }
  /** What is absent stays. `keepsCredentials`: whether any is still what was stored before. */
  | { kind: "change"; id: string; settings: Partial<ProviderSettings>; keepsCredentials: boolean }
  | { kind: "retire"; id: string };

export type ProviderEvent = ProviderRegistered | ProviderChanged | ProviderRetired;
export type ProviderRefusal = InvalidInput | NotFound | AlreadyExists;

export const providerDecider: Decider<Provider | undefined, ProviderCommand, ProviderEvent, ProviderRefusal> = {
  stream: "provider",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.ProviderRetired" ? undefined : event.provider),
  decide(command, provider) {
    const scope = scopeOf("provider", command.id);
    if (command.kind === "register") {
      const { id, name, settings } = command;
      if (provider) return refuse({ kind: "already-exists", scope });
      const problem = isName(name) ? settingsProblem(settings) : invalidInput("name", `is not a name: ${nameRule}`);
      if (problem) return refuse(problem);
      const registered = create(ProviderRegisteredSchema, { provider: { id, name, ...stored(settings) } });
      return accept([registered], { reserve: name, refer: secretsOf(settings) });
    }
    if (!provider) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const settings = { ...settingsOf(provider), ...command.settings };
        if (settings.kind !== provider.kind)
          return refuse(invalidInput("kind", "never changes; retire the provider and register another one"));
        const problem = settingsProblem(settings);
        if (problem) return refuse(problem);
        if (command.keepsCredentials && !isSameOrigin(settings.baseUrl, provider.baseUrl))
          return refuse(
            invalidInput("credentials", "must all be given anew where `baseUrl` changes to another origin"),
          );
        if (sameSettings(settings, settingsOf(provider))) return accept([]);
        const changed = create(ProviderChangedSchema, { provider: { ...provider, ...stored(settings) } });
        return accept([changed], { refer: secretsOf(settings) });
      }
      case "retire":
        return accept([create(ProviderRetiredSchema, { provider })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

export function settingsOf(provider: Provider): ProviderSettings {
  const { kind, baseUrl, credentials, models, timeoutSeconds, allowPrivateNetwork, passthrough } = provider;
  return { kind, baseUrl, credentials, models, timeoutSeconds, allowPrivateNetwork, passthrough };
}

export function sameSettings(a: ProviderSettings, b: ProviderSettings): boolean {
  return equals(ProviderSchema, create(ProviderSchema, stored(a)), create(ProviderSchema, stored(b)));
}

function stored({ credentials, models, ...settings }: ProviderSettings) {
  return {
    ...settings,
    models: [...models],
    credentials: credentials.map(({ name, secretId, weight, models: of }) =>
      create(ProviderCredentialSchema, { name, secretId, weight, models: [...of] }),
    ),
  };
}

function secretsOf({ credentials }: ProviderSettings): string[] {
  return [...new Set(credentials.map(({ secretId }) => scopeOf("secret", secretId)))];
}
