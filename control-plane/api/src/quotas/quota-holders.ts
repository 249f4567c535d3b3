// What budgets and limits hold: whom they are for, by the log's name rows, so that he is there and stays. A key is not held, or
// a budget would stand in the way of its revocation, and a label is nothing that could be there or not.

import { scopeText, type Scope } from "@tollgate/kernel/quotas/quota-scope";

export function heldBy(scope: Scope): string[] {
  return scope.kind === "key" || scope.kind === "label" ? [] : [scopeText(scope)];
}
