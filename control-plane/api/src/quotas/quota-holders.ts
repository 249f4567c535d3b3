// Whom budgets and limits are for: what they hold of the log's name rows, so that he is there and stays. A key is not held, or a
// budget would stand in the way of its revocation; whether it is there is looked up beforehand. A label is nothing that could be
// there or not.

import { scopeText, type Scope } from "@tollgate/kernel/quotas/quota-scope";
import type { Sql } from "../database.ts";
import { keyDecider } from "../keys/key.decider.ts";
import { foldStream } from "../log/fold-stream.ts";

export function heldBy(scope: Scope): string[] {
  return scope.kind === "key" || scope.kind === "label" ? [] : [scopeText(scope)];
}

type Missing = { kind: "reference-missing"; scope: string };

/** Of a key alone, of which the log does not know it by itself. */
export async function missingKey(sql: Sql, scope: Scope | undefined): Promise<Missing | undefined> {
  if (scope?.kind !== "key") return undefined;
  const key = await foldStream(sql, keyDecider, scope.id);
  const isThere = key !== undefined && key.revokedAtMs === undefined;
  return isThere ? undefined : { kind: "reference-missing", scope: scopeText(scope) };
}
