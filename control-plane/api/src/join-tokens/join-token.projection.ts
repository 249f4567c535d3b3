// Join tokens for screens. Who joins is decided by the token's stream.

import { JoinTokenSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const joinTokens = resourceKind("join-token", JoinTokenSchema, {
  name: "join_tokens",
  version: 1,
  tables: resourceTables,
  on: {
    JoinTokenIssued: ({ joinToken }) => stored(JoinTokenSchema, joinToken),
    JoinTokenUsed: ({ joinToken }) => stored(JoinTokenSchema, joinToken),
    JoinTokenRevoked: ({ joinToken }) => stored(JoinTokenSchema, joinToken, { isLive: false }),
  },
});
