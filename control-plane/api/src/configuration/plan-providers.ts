// The providers of a file against those that there are, with the secrets of their credentials. A value that is in the file is
// compared with the stored one, so that applying a file twice changes nothing; the plan names the credential and never a
// value.

import { providerKinds, type ConfiguredProvider } from "@tollgate/kernel/configuration/provider";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { Provider } from "@tollgate/schema/resources";
import type { AnyStep } from "../log/handle.ts";
import { planCredentials } from "../providers/provider-secrets.ts";
import {
  providerDecider,
  settingsOf,
  type ProviderCommand,
  type ProviderSettings,
} from "../providers/provider.decider.ts";
import type { NewSecret, SecretChanges } from "../secrets/secret-changes.ts";
import { credentialSecretName } from "../secrets/secret.decider.ts";
import { issueAt, pruned, type KindPlan, type PlanItem, type PlannedStep, type Planning } from "./planning.ts";

/** `idOf` a provider that is there or will be. */
export type ProvidersPlan = KindPlan & { secrets: SecretChanges; idOf: (name: string) => string };

export function planProviders(planning: Planning): ProvidersPlan {
  const { configuration, current, directory, randomBytes } = planning;
  const newId = (): string => idFromBytes(randomBytes(idBytes));
  const stores: NewSecret[] = [];
  const erasures: string[] = [];
  const plan = { items: new Array<PlanItem>(), changes: new Array<PlannedStep>(), secrets: { stores, erasures } };
  const ids = new Map([...current.providers].map(([name, { id }]) => [name, id]));
  for (const [index, wanted] of configuration.providers.entries()) {
    const { name } = wanted;
    const place = { at: wanted.at, path: `providers[${index}]` };
    const provider = current.providers.get(name);
    const id = provider?.id ?? newId();
    ids.set(name, id);
    const former = provider?.credentials ?? [];
    const planned = planCredentials(name, wanted.credentials, { directory, former, newId });
    if (planned.outcome === "refused") {
      planning.issues.push(issueAt(place, planned.refusal));
      continue;
    }
    stores.push(...planned.changes.stores);
    erasures.push(...planned.changes.erasures);
    const settings = settingsIn(wanted, planned.credentials);
    const fields = provider ? differencesOf(settings, provider, planned.changes) : [];
    const action = provider === undefined ? "create" : fields.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "provider", name, fields });
    if (action === "none") continue;
    const step = stepOf(
      provider ? { kind: "change", id, settings, keepsCredentials: false } : { kind: "register", id, name, settings },
    );
    plan.changes.push({ step, place });
  }
  const both = { there: current.providers, wanted: configuration.providers };
  const gone = pruned(planning, "provider", both, ({ id, name }) => {
    const planned = planCredentials(name, [], { directory, former: [], newId });
    if (planned.outcome === "planned") erasures.push(...planned.changes.erasures);
    return [stepOf({ kind: "retire", id })];
  });
  return {
    ...{ ...plan, ...gone },
    idOf(name) {
      const id = ids.get(name);
      if (id === undefined) throw new Error(`the file's own check let the provider ${name} through`);
      return id;
    },
  };
}

function settingsIn(wanted: ConfiguredProvider, credentials: ProviderSettings["credentials"]): ProviderSettings {
  const { baseUrl, models, timeoutSeconds, allowPrivateNetwork, passthrough } = wanted;
  const kind = providerKinds[wanted.kind];
  return { kind, baseUrl, credentials, models, timeoutSeconds, allowPrivateNetwork, passthrough };
}

function differencesOf(settings: ProviderSettings, provider: Provider, { stores }: SecretChanges): string[] {
  const [is, former] = [plain(settings), plain(settingsOf(provider))];
  const fields = Object.keys(is).filter((field) => is[field] !== former[field]);
  if (fields.includes("credentials")) return fields;
  const isNew = new Set(stores.map(({ name }) => name));
  const renewed = settings.credentials.filter(({ name }) => isNew.has(credentialSecretName(provider.name, name)));
  return [...fields, ...renewed.map(({ name }) => `credentials.${name}`)];
}

/** Each field as a text that is equal where the field is. */
function plain({ credentials, ...settings }: ProviderSettings): Readonly<Record<string, string>> {
  const listed = credentials.map(({ name, secretId, weight, models }) => [name, secretId, weight, models]);
  const fields = Object.entries({ ...settings, credentials: listed });
  return Object.fromEntries(fields.map(([field, value]) => [field, JSON.stringify(value)]));
}

function stepOf(command: ProviderCommand): AnyStep {
  return { decider: providerDecider, id: command.id, command };
}
