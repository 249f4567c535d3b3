// The prices of a file against those that are set. One that the file does not name stays as it is, unless the file is to be all
// that there is; those that stay keep their order, so that a file in another order changes nothing.

import { nameOfPrice } from "../price-lists/price-problems.ts";
import { priceListDecider, priceListId, samePrice, type Price } from "../price-lists/price-list.decider.ts";
import { priceOf } from "../price-lists/price-list-to-api.ts";
import type { PlanItem, PlannedStep, Planning } from "./planning.ts";

export type PricesPlan = { items: PlanItem[]; changes: PlannedStep[] };

export function planPrices({ configuration, current, prune }: Planning): PricesPlan {
  const { prices: wanted } = configuration;
  const former = byName((current.priceList?.prices ?? []).map(priceOf));
  const asked = byName(wanted.map(({ at: _, ...price }) => price));
  const kept = [...former.keys()].filter((name) => !prune || asked.has(name));
  const prices = [...new Set([...kept, ...asked.keys()])].flatMap((name) => asked.get(name) ?? former.get(name) ?? []);
  const fields = [...new Set([...former.keys(), ...asked.keys()])].filter((name) => {
    const [was, is] = [former.get(name), prices.find((price) => nameOfPrice(price) === name)];
    return !was || !is || !samePrice(was, is);
  });
  if (fields.length === 0 && wanted.length === 0) return { items: [], changes: [] };
  const action = current.priceList === undefined ? "create" : fields.length > 0 ? "change" : "none";
  const items: PlanItem[] = [{ action, kind: "price-list", name: "prices", fields: action === "change" ? fields : [] }];
  if (action === "none") return { items, changes: [] };
  const step = { decider: priceListDecider, id: priceListId, command: { kind: "set", prices } } as const;
  const place = wanted[0] && { at: wanted[0].at, path: "prices" };
  return { items, changes: [{ step, place }] };
}

function byName(prices: readonly Price[]): Map<string, Price> {
  return new Map(prices.map((price) => [nameOfPrice(price), price]));
}
