// Join tokens as a part of the admin API.

import { Module } from "@nestjs/common";
import { JoinTokenResolver } from "./join-token.resolver.ts";

@Module({ providers: [JoinTokenResolver] })
export class JoinTokensModule {}
