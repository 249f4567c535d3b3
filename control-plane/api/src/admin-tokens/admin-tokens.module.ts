// Admin tokens as a part of the admin API.

import { Module } from "@nestjs/common";
import { AdminTokenResolver } from "./admin-token.resolver.ts";

@Module({ providers: [AdminTokenResolver] })
export class AdminTokensModule {}
