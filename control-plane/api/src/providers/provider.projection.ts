// Providers for screens. Retired ones leave the list.

import { ProviderSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const providers = resourceKind("provider", ProviderSchema, {
  name: "providers",
  version: 1,
  tables: resourceTables,
  on: {
    ProviderRegistered: ({ provider }) => stored(ProviderSchema, provider),
    ProviderChanged: ({ provider }) => stored(ProviderSchema, provider),
    ProviderRetired: ({ provider }) => stored(ProviderSchema, provider, { isLive: false }),
  },
});
