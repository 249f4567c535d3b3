// Customers for screens. Retired ones leave the list and stay readable by id.

import { CustomerSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const customers = resourceKind("customer", CustomerSchema, {
  name: "customers",
  version: 1,
  tables: resourceTables,
  on: {
    CustomerCreated: ({ customer }) => stored(CustomerSchema, customer),
    CustomerChanged: ({ customer }) => stored(CustomerSchema, customer),
    CustomerRetired: ({ customer }) => stored(CustomerSchema, customer, { isLive: false }),
  },
});
