// Policies for screens. Retired ones leave the list.

import { PolicySchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const policies = resourceKind("policy", PolicySchema, {
  name: "policies",
  version: 1,
  tables: resourceTables,
  on: {
    PolicyCreated: ({ policy }) => stored(PolicySchema, policy),
    PolicyChanged: ({ policy }) => stored(PolicySchema, policy),
    PolicyRetired: ({ policy }) => stored(PolicySchema, policy, { isLive: false }),
  },
});
