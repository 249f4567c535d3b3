// Servers for screens. Retired ones leave the list.

import { ServerSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const servers = resourceKind("server", ServerSchema, {
  name: "servers",
  version: 1,
  tables: resourceTables,
  on: {
    ServerRegistered: ({ server }) => stored(ServerSchema, server),
    ServerChanged: ({ server }) => stored(ServerSchema, server),
    ServerRetired: ({ server }) => stored(ServerSchema, server, { isLive: false }),
  },
});
