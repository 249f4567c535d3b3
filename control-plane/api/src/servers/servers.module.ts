// Upstream servers as a part of the admin API.

import { Module } from "@nestjs/common";
import { ServerResolver } from "./server.resolver.ts";

@Module({ providers: [ServerResolver] })
export class ServersModule {}
