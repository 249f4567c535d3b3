// Thresholds that budgets reached, for screens: by the account that they were reached in, and by budget.

import { BudgetThresholdSchema } from "@tollgate/schema/resources";
import { resourceKind, resourceTables, stored } from "../listing/resource-rows.ts";

export const budgetThresholds = resourceKind("budget-threshold", BudgetThresholdSchema, {
  name: "budget_thresholds",
  version: 1,
  tables: resourceTables,
  on: {
    BudgetThresholdReached({ threshold }) {
      // A list of all of a budget's is a list of those that have its id for their name.
      const named = threshold && { ...threshold, name: threshold.budgetId };
      return stored(BudgetThresholdSchema, named, { parentId: threshold?.account ?? "" });
    },
  },
});
