// Calls to models as a part of the admin API.

import { Module } from "@nestjs/common";
import { ModelCallResolver } from "./model-call.resolver.ts";
import { TurnResolver } from "./turn.resolver.ts";

@Module({ providers: [ModelCallResolver, TurnResolver] })
export class ModelCallsModule {}
