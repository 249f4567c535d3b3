// Calls as a part of the admin API.

import { Module } from "@nestjs/common";
import { CallResolver } from "./call.resolver.ts";

@Module({ providers: [CallResolver] })
export class CallsModule {}
