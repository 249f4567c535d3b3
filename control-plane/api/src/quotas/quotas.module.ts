// Budgets and limits as a part of the admin API.

import { Module } from "@nestjs/common";
import { BudgetResolver } from "./budget.resolver.ts";
import { BudgetSharesResolver, BudgetUsageResolver } from "./budget-usage.resolver.ts";
import { LimitResolver } from "./limit.resolver.ts";

@Module({ providers: [BudgetResolver, BudgetUsageResolver, BudgetSharesResolver, LimitResolver] })
export class QuotasModule {}
