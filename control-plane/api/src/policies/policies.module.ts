// Policies as a part of the admin API.

import { Module } from "@nestjs/common";
import { DryRunResolver } from "./dry-run.resolver.ts";
import { ExplainResolver } from "./explain.resolver.ts";
import { PolicyResolver } from "./policy.resolver.ts";

@Module({ providers: [PolicyResolver, ExplainResolver, DryRunResolver] })
export class PoliciesModule {}
