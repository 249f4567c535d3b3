// Policies as a part of the admin API.

import { Module } from "@nestjs/common";
import { PolicyResolver } from "./policy.resolver.ts";

@Module({ providers: [PolicyResolver] })
export class PoliciesModule {}
