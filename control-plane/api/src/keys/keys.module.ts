// Virtual keys as a part of the admin API.

import { Module } from "@nestjs/common";
import { KeyResolver } from "./key.resolver.ts";

@Module({ providers: [KeyResolver] })
export class KeysModule {}
