// Model aliases for screens. Retired ones leave the list.

import { ModelAliasSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const modelAliases = resourceKind("model-alias", ModelAliasSchema, {
  name: "model_aliases",
  version: 1,
  tables: resourceTables,
  on: {
    ModelAliasCreated: ({ modelAlias }) => stored(ModelAliasSchema, modelAlias),
    ModelAliasChanged: ({ modelAlias }) => stored(ModelAliasSchema, modelAlias),
    ModelAliasRetired: ({ modelAlias }) => stored(ModelAliasSchema, modelAlias, { isLive: false }),
  },
});
