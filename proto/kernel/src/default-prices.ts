// The price list that comes with the software.

import type { ModelPrice } from "@tollgate/schema/resources";

export const defaultPrices: { readonly version: string; readonly prices: readonly ModelPrice[] } = {
  version: "shipped-2026-11-28",
  prices: [],
};
