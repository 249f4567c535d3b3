// The price list for screens: one row, or none before prices were set.

import { PriceListSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const priceLists = resourceKind("price-list", PriceListSchema, {
  name: "price_lists",
  version: 1,
  tables: resourceTables,
  on: { PricesSet: ({ priceList }) => stored(PriceListSchema, priceList) },
});
