// The prices of a file against those that are set. One that the file does not name stays as it is, unless the file is to be all
// that there is; those that stay keep their order, so that a file in another order changes nothing.

import { nameOfPrice } from "../price-lists/price-problems.ts";
import { priceListDecider, priceListId, samePrice, type ToolPrice } from "../price-lists/price-list.decider.ts";
import { priceOf } from "../price-lists/price-list-to-api.ts";
import type { PlanItem, PlannedStep, Planning } from "./planning.ts";

export type PricesPlan = { items: PlanItem[]; changes: PlannedStep[] };

export function planPrices({ configuration, current, prune }: Planning): PricesPlan {
  const there = current.priceList;
  const [ofModels, ofTools] = [configuration.prices, configuration.toolPrices];
  const models = merged({
    former: byName((there?.prices ?? []).map(priceOf), nameOfPrice),
    asked: byName(ofModels.map(withoutPlace), nameOfPrice),
    ...{ prune, isSame: samePrice },
  });
  const tools = merged<ToolPrice>({
    former: byName(there?.toolPrices.map(({ tool, callNanoUsd }) => ({ tool, callNanoUsd })) ?? [], nameOfTool),
    asked: byName(ofTools.map(withoutPlace), nameOfTool),
    ...{ prune, isSame: (a, b) => a.callNanoUsd === b.callNanoUsd },
  });
  const fields = [...models.fields, ...tools.fields];
  const [first] = [...ofModels, ...ofTools];
  if (fields.length === 0 && !first) return { items: [], changes: [] };
  const action = there === undefined ? "create" : fields.length > 0 ? "change" : "none";
  const items: PlanItem[] = [{ action, kind: "price-list", name: "prices", fields: action === "change" ? fields : [] }];
  if (action === "none") return { items, changes: [] };
  const command = { kind: "set", prices: models.all, toolPrices: tools.all } as const;
  const step = { decider: priceListDecider, id: priceListId, command };
  const place = first && { at: first.at, path: "prices" };
  return { items, changes: [{ step, place }] };
}

type Merging<T> = {
  former: ReadonlyMap<string, T>;
  asked: ReadonlyMap<string, T>;
  prune: boolean;
  isSame: (a: T, b: T) => boolean;
};

/** All that there shall be, and the names of what is not as it was. */
function merged<T>({ former, asked, prune, isSame }: Merging<T>): { all: T[]; fields: string[] } {
  const kept = [...former.keys()].filter((name) => !prune || asked.has(name));
  const all = new Map<string, T>();
  for (const name of new Set([...kept, ...asked.keys()])) {
    const price = asked.get(name) ?? former.get(name);
    if (price !== undefined) all.set(name, price);
  }
  const fields = [...new Set([...former.keys(), ...asked.keys()])].filter((name) => {
    const [was, is] = [former.get(name), all.get(name)];
    return was === undefined || is === undefined || !isSame(was, is);
  });
  return { all: [...all.values()], fields };
}

function withoutPlace<T extends { at: unknown }>({ at: _, ...price }: T): Omit<T, "at"> {
  return price;
}

function byName<T>(prices: readonly T[], nameOf: (price: T) => string): Map<string, T> {
  return new Map(prices.map((price) => [nameOf(price), price]));
}

/** So that it is told from a provider's model. */
function nameOfTool({ tool }: ToolPrice): string {
  return `tool ${tool}`;
}
