// Environments as a part of the admin API.

import { Module } from "@nestjs/common";
import { EnvironmentResolver } from "./environment.resolver.ts";

@Module({ providers: [EnvironmentResolver] })
export class EnvironmentsModule {}
