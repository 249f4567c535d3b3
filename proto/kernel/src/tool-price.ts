// What a call of a tool costs by the price list: nothing where no pattern of it matches, and not known where something about the
// list was not understood. A tool that is named comes before a star, and then the longest pattern that matches. A list does
// not change once it is read, so what was found is kept with it; what clients make up as names cannot make that grow.

import type { PriceList, ToolPrice } from "@tollgate/schema/resources";
import type { NanoUsd } from "./money.ts";
import { toolPattern, toolPatternProblem } from "./tool-pattern.ts";
import type { View } from "./view.ts";

const keptMax = 1_000;
const keptCharsMax = 256;

type Kept = { readonly byServer: Map<string, Map<string, NanoUsd>>; size: number };

const kept = new WeakMap<PriceList, Kept>();

/** Undefined: it cannot be known, and is not free. */
export function toolPrice({ priceList }: Pick<View, "priceList">, server: string, tool: string): NanoUsd | undefined {
  if (priceList === "refused") return undefined;
  if (priceList === undefined || priceList.toolPrices.length === 0) return 0n;
  const known = kept.get(priceList)?.byServer.get(server)?.get(tool);
  if (known !== undefined) return known;
  const found = find(priceList.toolPrices, server, tool);
  if (server.length + tool.length <= keptCharsMax) keep(priceList, server, tool, found);
  return found;
}

function keep(list: PriceList, server: string, tool: string, price: NanoUsd): void {
  const ofList = kept.get(list) ?? { byServer: new Map<string, Map<string, NanoUsd>>(), size: 0 };
  if (ofList.size >= keptMax) {
    ofList.byServer.clear();
    ofList.size = 0;
  }
  const ofServer = ofList.byServer.get(server) ?? new Map<string, NanoUsd>();
  ofList.byServer.set(server, ofServer.set(tool, price));
  ofList.size += 1;
  kept.set(list, ofList);
}

function find(prices: readonly ToolPrice[], server: string, tool: string): NanoUsd {
  const [best] = prices
    .filter((price) => toolPattern(price.tool)?.matches(server, tool) === true)
    .toSorted((a, b) => specificity(b.tool) - specificity(a.tool));
  return best?.callNanoUsd ?? 0n;
}

function specificity(pattern: string): number {
  return pattern.includes("*") ? pattern.length : Infinity;
}

/** Why a text is no pattern of priced tools; undefined when it is one. */
export function pricedToolProblem(pattern: string): string | undefined {
  const isOther = pattern.startsWith("prompt:") || pattern.startsWith("resource:");
  return isOther ? "is not of a tool, and nothing else has a price" : toolPatternProblem(pattern);
}
