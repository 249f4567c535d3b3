// The fleet as a part of the admin API.

import { Module } from "@nestjs/common";
import { FleetResolver } from "./fleet.resolver.ts";

@Module({ providers: [FleetResolver] })
export class FleetModule {}
