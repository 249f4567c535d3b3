// Budgets and limits for screens, by name and by whom they are for. Retired ones leave the lists.

import { scopeIn, scopeText } from "@tollgate/kernel/quotas/quota-scope";
import { BudgetSchema, LimitSchema, type Budget, type Limit, type QuotaScope } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";
import type { Statement } from "../projections/projection.ts";

function parentOf(quota: { scope?: QuotaScope | undefined } | undefined): string {
  const scope = scopeIn(quota?.scope);
  return scope ? scopeText(scope) : "";
}

function budgetStored({ budget }: { budget?: Budget | undefined }, isLive = true): Statement {
  return stored(BudgetSchema, budget, { isLive, parentId: parentOf(budget) });
}

function limitStored({ limit }: { limit?: Limit | undefined }, isLive = true): Statement {
  return stored(LimitSchema, limit, { isLive, parentId: parentOf(limit) });
}

export const budgets = resourceKind("budget", BudgetSchema, {
  name: "budgets",
  version: 1,
  tables: resourceTables,
  on: {
    BudgetCreated: (event) => budgetStored(event),
    BudgetChanged: (event) => budgetStored(event),
    BudgetOverrideAdded: (event) => budgetStored(event),
    BudgetOverrideEnded: (event) => budgetStored(event),
    BudgetRetired: (event) => budgetStored(event, false),
  },
});

export const limits = resourceKind("limit", LimitSchema, {
  name: "limits",
  version: 1,
  tables: resourceTables,
  on: {
    LimitCreated: (event) => limitStored(event),
    LimitChanged: (event) => limitStored(event),
    LimitRetired: (event) => limitStored(event, false),
  },
});
