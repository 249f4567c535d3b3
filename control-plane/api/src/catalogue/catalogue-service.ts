// The gRPC service `Catalogue`: what a proxy sees of the servers behind it, and what of it is wanted in full. Who calls was
// admitted before; it says of itself nothing that is believed. Of a server that there is not (any more) nothing is kept.

import type { Catalogue } from "@tollgate/schema/catalogue";
import type { Database } from "../database.ts";
import type { ServiceMethods } from "../grpc-server.ts";
import { boundedSeen } from "./seen-bounds.ts";
import { liveServers, storeDefinitions, storeHealth, storeListing, wantedOf } from "./store.ts";

export type CatalogueParts = { database: Pick<Database, "sql" | "transaction">; nowMs: () => number };

export function catalogueService({ database, nowMs }: CatalogueParts): ServiceMethods<typeof Catalogue> {
  return {
    async report(request, { proxyId }) {
      const seen = boundedSeen(request, nowMs());
      const live = await liveServers(
        database.sql,
        seen.map(({ serverId }) => serverId),
      );
      const servers = seen.filter(({ serverId }) => live.has(serverId));
      await storeHealth(database.sql, proxyId, servers);
      for (const server of servers)
        if (server.listing) await database.transaction((sql) => storeListing(sql, proxyId, server));
      await storeDefinitions(database.sql, request.definitions);
      return wantedOf(
        database.sql,
        servers.map(({ serverId }) => serverId),
      );
    },
  };
}
