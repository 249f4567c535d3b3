// Model aliases as a part of the admin API.

import { Module } from "@nestjs/common";
import { ModelAliasResolver, ModelTargetResolver } from "./model-alias.resolver.ts";

@Module({ providers: [ModelAliasResolver, ModelTargetResolver] })
export class ModelAliasesModule {}
