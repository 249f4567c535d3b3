// What proxies saw of servers as a part of the admin API.

import { Module } from "@nestjs/common";
import { CatalogueEntryResolver } from "./entry.resolver.ts";
import { ServerSeenResolver } from "./server-seen.resolver.ts";

@Module({ providers: [ServerSeenResolver, CatalogueEntryResolver] })
export class CatalogueModule {}
