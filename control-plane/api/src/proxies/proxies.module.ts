// Enrolled proxies as a part of the admin API.

import { Module } from "@nestjs/common";
import { ProxyResolver } from "./proxy.resolver.ts";

@Module({ providers: [ProxyResolver] })
export class ProxiesModule {}
