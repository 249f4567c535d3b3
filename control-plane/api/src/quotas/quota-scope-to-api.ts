// For whom a budget or limit is, between the API and the schema.

import { TollgateError } from "@tollgate/kernel/errors";
import { scopeIn, scopeText, type Scope } from "@tollgate/kernel/quotas/quota-scope";
import type { QuotaScope as ScopeResource } from "@tollgate/schema/resources";
import type { QuotaFilter, QuotaScope, QuotaScopeInput } from "../gen/graphql.ts";
import { invalidInput, sentenceOf, type InvalidInput } from "../refusals.ts";

export function scopeToApi(stored: ScopeResource | undefined): QuotaScope {
  const scope = scopeIn(stored);
  const idOf = (kind: Exclude<Scope["kind"], "label">) => (scope?.kind === kind ? scope.id : null);
  return {
    ...{ customerId: idOf("customer"), teamId: idOf("team"), userId: idOf("user"), keyId: idOf("key") },
    label: scope?.kind === "label" ? { name: scope.name, value: scope.value } : null,
  };
}

/** What a list is filtered by. */
export function filterFromApi(filter: QuotaFilter | null | undefined) {
  const { scope, ...rest } = filter ?? {};
  if (!scope) return rest;
  const found = scopeFromApi(scope);
  if (found.outcome === "refused") throw new TollgateError("request.invalid", sentenceOf(found.refusal));
  return { ...rest, parentId: scopeText(found.value) };
}

export type FromApi<T> = { outcome: "found"; value: T } | { outcome: "refused"; refusal: InvalidInput };

export function scopeFromApi({ customerId, teamId, userId, keyId, label }: QuotaScopeInput): FromApi<Scope> {
  const ids = { customer: customerId, team: teamId, user: userId, key: keyId } as const;
  const given: Scope[] = [
    ...(["customer", "team", "user", "key"] as const).flatMap((kind) => {
      const id = ids[kind];
      return typeof id === "string" ? [{ kind, id }] : [];
    }),
    ...(label ? [{ kind: "label", name: label.name, value: label.value } as const] : []),
  ];
  const [scope, ...more] = given;
  return scope && more.length === 0
    ? { outcome: "found", value: scope }
    : { outcome: "refused", refusal: invalidInput("scope", "must be exactly one of those that it can be") };
}
