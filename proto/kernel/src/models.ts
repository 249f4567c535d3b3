// Which model is meant by what a client wrote, and which models a key reaches: one function for lists and calls. A name has
// readings, in this order: an alias; `provider/model`; a provider's own name for a model, without the provider. The first
// reading that the key reaches decides, so that what a key does not reach changes nothing that it sees: hidden and absent
// answer alike. Nothing is dialled or measured here; which of several credentials or targets is best is the caller's matter.

import type { ModelAlias, ModelPrice, Provider, ProviderKind } from "@tollgate/schema/resources";
import { defaultPrices } from "./default-prices.ts";
import type { ErrorCode } from "./errors.ts";
import type { ModelName } from "./model-grant.ts";
import { servesModel } from "./model-pattern.ts";
import { kindNames } from "./tariff.ts";
import { refuses } from "./replica.ts";
import type { Principal, View } from "./view.ts";

export type ReachedModel = {
  readonly alias: ModelAlias | undefined;
  readonly provider: Provider;
  /** As the provider calls it. */
  readonly model: string;
};

/** `kind` is whose protocol the door speaks: for now only models of that kind are served at it. */
export function reachableModel(
  view: View,
  principal: Principal,
  kind: ProviderKind,
  asked: string,
): ReachedModel | ErrorCode {
  const reading = aliasNamed(view, principal, asked) ?? prefixed(view, principal, asked);
  const served = reading ?? bareOf(view, principal, kind, asked);
  if (served.length === 0) return "model.unknown";
  return served.find(({ provider }) => provider.kind === kind) ?? "model.format-unsupported";
}

/** All that the alias can stand for; undefined where the key does not reach it. */
function aliasNamed(view: View, principal: Principal, asked: string): readonly ReachedModel[] | undefined {
  const alias = view.modelAliasesByName.get(asked);
  if (!alias) return undefined;
  const targets = alias.targets.map(({ providerId, model }) => ({ provider: view.provider(providerId), model }));
  const names = targets.flatMap(({ provider, model }): ModelName[] =>
    provider ? [{ provider: provider.name, model }] : [],
  );
  const isKnown = names.length === targets.length;
  if (!principal.models.allowsAlias(alias.name, isKnown ? names : [])) return undefined;
  if (refuses(view.replica, "model-alias", alias.id)) return [];
  return targets.flatMap(({ provider, model }) => served(provider, model, alias));
}

function prefixed(view: View, principal: Principal, asked: string): readonly ReachedModel[] | undefined {
  const slash = asked.indexOf("/");
  const model = asked.slice(slash + 1);
  const provider = slash < 0 || model === "" ? undefined : view.providersByName.get(asked.slice(0, slash));
  if (!provider || !principal.models.allows(provider.name, model)) return undefined;
  const known = view.provider(provider.id);
  // Of one that is not understood nobody knows what it serves.
  if (known === undefined) return [];
  const found = served(known, model, undefined);
  // A provider that does not serve it must not stand before another's model of that name.
  return found.length > 0 ? found : undefined;
}

function bareOf(view: View, principal: Principal, kind: ProviderKind, model: string): readonly ReachedModel[] {
  if (model === "") return [];
  for (const { id, name, kind: own } of view.providersByName.values()) {
    if (own !== kind || !principal.models.allows(name, model)) continue;
    const [found] = served(view.provider(id), model, undefined);
    if (found) return [found];
  }
  return [];
}

function served(provider: Provider | undefined, model: string, alias: ModelAlias | undefined): ReachedModel[] {
  return provider && servesModel(provider.models, model) ? [{ alias, provider, model }] : [];
}

export type ListedModel = { readonly id: string; readonly provider: string; readonly displayName: string };

/**
 * What a door of the kind has to list, by id: each alias, and each known model once, by the shortest name that means it. Of a
 * provider that serves whatever it is asked for, known are the models that it, a key's grant, an alias or a price names.
 */
export function reachableModels(view: View, principal: Principal, kind: ProviderKind): readonly ListedModel[] {
  const listed = new Map<string, ListedModel>();
  const list = (id: string, isMeant: (reached: ReachedModel) => boolean): boolean => {
    const reached = reachableModel(view, principal, kind, id);
    if (typeof reached === "string" || !isMeant(reached)) return false;
    listed.set(id, { id, provider: reached.provider.name, displayName: reached.alias?.name ?? reached.model });
    return true;
  };
  for (const name of view.modelAliasesByName.keys()) list(name, ({ alias }) => alias?.name === name);
  for (const provider of view.providersByName.values()) {
    if (provider.kind !== kind) continue;
    for (const model of knownModels(view, principal, provider)) {
      const isIt = (reached: ReachedModel) =>
        reached.alias === undefined && reached.provider === provider && reached.model === model;
      if (!list(model, isIt)) list(`${provider.name}/${model}`, isIt);
    }
  }
  return [...listed.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function knownModels(view: View, principal: Principal, provider: Provider): ReadonlySet<string> {
  const granted = principal.key.models
    .filter((pattern) => pattern.startsWith(`${provider.name}/`))
    .map((pattern) => pattern.slice(provider.name.length + 1));
  // Of aliases that the key reaches alone: what others name would tell of them.
  const aliased = [...view.modelAliasesByName.keys()]
    .flatMap((name) => aliasNamed(view, principal, name) ?? [])
    .filter((target) => target.provider === provider)
    .map(({ model }) => model);
  const published = view.priceList === undefined || view.priceList === "refused" ? [] : view.priceList.prices;
  const priced = [...published, ...defaultPrices.prices]
    .filter((price) => isOf(price, provider))
    .map(({ model }) => model);
  const all = [...provider.models, ...granted, ...aliased, ...priced];
  return new Set(all.filter((model) => !model.includes("*")));
}

function isOf(price: ModelPrice, provider: Provider): boolean {
  return price.provider === provider.name || price.provider === kindNames[provider.kind];
}
