// Admin tokens for screens. Authentication does not read here: it folds the token's stream.

import { AdminTokenSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const adminTokens = resourceKind("admin-token", AdminTokenSchema, {
  name: "admin_tokens",
  version: 1,
  tables: resourceTables,
  on: {
    AdminTokenIssued: ({ adminToken }) => stored(AdminTokenSchema, adminToken),
    AdminTokenRevoked: ({ adminToken }) => stored(AdminTokenSchema, adminToken, { isLive: false }),
  },
});
