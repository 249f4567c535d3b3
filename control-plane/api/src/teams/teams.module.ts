// Teams as a part of the admin API.

import { Module } from "@nestjs/common";
import { TeamResolver } from "./team.resolver.ts";

@Module({ providers: [TeamResolver] })
export class TeamsModule {}
