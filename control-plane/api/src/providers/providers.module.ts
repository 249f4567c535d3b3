// Providers of models as a part of the admin API.

import { Module } from "@nestjs/common";
import { ProviderResolver } from "./provider.resolver.ts";

@Module({ providers: [ProviderResolver] })
export class ProvidersModule {}
