// Configuration files as a part of the admin API.

import { Module } from "@nestjs/common";
import { ConfigurationResolver } from "./configuration.resolver.ts";

@Module({ providers: [ConfigurationResolver] })
export class ConfigurationModule {}
