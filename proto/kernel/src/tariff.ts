// Which price a call to a model has. The published list comes before the shipped one, a provider's name before its kind, and a
// longer model before a shorter. A list does not change once it is read, and every call asks for the same few models several
// times, so what was found is kept with the list; what clients make up as names of models and tiers cannot make that grow.

import { ProviderKind, type ModelPrice, type PriceList, type Provider } from "@tollgate/schema/resources";
import { defaultPrices } from "./default-prices.ts";

/** What the published list is: "refused" where something about it was not understood, and nothing may be priced. */
export type PublishedPrices = PriceList | "refused" | undefined;

export type Priced = { readonly price: ModelPrice; readonly version: string };

/** As price lists write a kind, for all providers of it. */
export const kindNames: Readonly<Record<ProviderKind, string>> = {
  [ProviderKind.UNSPECIFIED]: "",
  [ProviderKind.ANTHROPIC]: "anthropic",
  [ProviderKind.OPENAI]: "openai",
};

type Named = Pick<Provider, "name" | "kind">;

/** Where the service tier has no price of its own, the usual one holds. */
export function priceFor(
  list: PublishedPrices,
  provider: Named,
  model: string,
  serviceTier: string,
): Priced | undefined {
  if (list === "refused") return undefined;
  const { byTier } = tariffOf(list, provider, model);
  const known = byTier.get(serviceTier);
  if (known !== undefined) return known;
  const found = find(list, provider, model, serviceTier);
  if (found !== undefined && byTier.size < keptMax && serviceTier.length <= keptCharsMax)
    byTier.set(serviceTier, found);
  return found;
}

/** The price of each service tier that there is one of: what a call may cost whose tier the provider chooses. */
export function pricesOfTiers(list: PublishedPrices, provider: Named, model: string): readonly Priced[] {
  if (list === "refused") return [];
  const tariff = tariffOf(list, provider, model);
  tariff.all ??= findAll(list, provider, model);
  return tariff.all;
}

/** What is known of the prices of one provider's model. */
type Tariff = { readonly byTier: Map<string, Priced>; all: readonly Priced[] | undefined };
/** Of one list, by provider and model. */
type Tariffs = { readonly byProvider: Map<string, Map<string, Tariff>>; size: number };

/** Of models in all, and of tiers to each. */
const keptMax = 1_000;
/** A longer name is no model's, and is found out anew each time. */
const keptCharsMax = 256;
const ofPublished = new WeakMap<PriceList, Tariffs>();
const ofShipped: Tariffs = { byProvider: new Map(), size: 0 };

function tariffOf(list: PriceList | undefined, { name, kind }: Named, model: string): Tariff {
  const empty = (): Tariff => ({ byTier: new Map(), all: undefined });
  if (model.length > keptCharsMax) return empty();
  const tariffs = list === undefined ? ofShipped : kept(ofPublished, list, () => ({ byProvider: new Map(), size: 0 }));
  if (tariffs.size >= keptMax) {
    tariffs.byProvider.clear();
    tariffs.size = 0;
  }
  // No name of a provider has a slash.
  const byModel = kept(tariffs.byProvider, `${kind}/${name}`, () => new Map<string, Tariff>());
  return kept(byModel, model, () => {
    tariffs.size += 1;
    return empty();
  });
}

type Keeping<K, V> = { get(key: K): V | undefined; set(key: K, value: V): unknown };

function kept<K, V>(all: Keeping<K, V>, key: K, make: () => V): V {
  const known = all.get(key);
  if (known !== undefined) return known;
  const made = make();
  all.set(key, made);
  return made;
}

function find(list: PriceList | undefined, provider: Named, model: string, serviceTier: string): Priced | undefined {
  const published = list && priceIn(list.prices, provider, model, serviceTier);
  if (list && published) return { price: published, version: `published-${list.version}` };
  const shipped = priceIn(defaultPrices.prices, provider, model, serviceTier);
  return shipped && { price: shipped, version: defaultPrices.version };
}

function findAll(list: PriceList | undefined, provider: Named, model: string): readonly Priced[] {
  const all = [list?.prices ?? [], defaultPrices.prices].flatMap((prices) =>
    pricesMatching(prices, provider, model).flat(),
  );
  const tiers = new Set(["", ...all.map((price) => price.serviceTier)]);
  return [...tiers].flatMap((tier) => priceFor(list, provider, model, tier) ?? []);
}

/** A model that is named comes before a star as long, which would match it, too. */
function bySpecificity(a: ModelPrice, b: ModelPrice): number {
  const length = ({ model }: ModelPrice): number => (model.endsWith("*") ? model.length - 1 : model.length + 0.5);
  return length(b) - length(a);
}

function priceIn(
  prices: readonly ModelPrice[],
  provider: Named,
  model: string,
  serviceTier: string,
): ModelPrice | undefined {
  for (const all of pricesMatching(prices, provider, model))
    for (const sameModel of Map.groupBy(all, (price) => price.model).values()) {
      const own = sameModel.find((price) => price.serviceTier === serviceTier);
      const found = own ?? sameModel.find((price) => price.serviceTier === "");
      if (found) return found;
    }
  return undefined;
}

/** Those of the provider's name, and those of its kind; the most specific first. */
function pricesMatching(prices: readonly ModelPrice[], { name, kind }: Named, model: string): readonly ModelPrice[][] {
  return [name, kindNames[kind]].map((holder) =>
    prices.filter((price) => price.provider === holder && matches(price.model, model)).toSorted(bySpecificity),
  );
}

function matches(pattern: string, model: string): boolean {
  return pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : pattern === model;
}
