// For whom a budget or a limit is, as one closed type and as a text ("team/<id>", "label/project=apollo"). The text is what an event's scopes name and what refuses where a budget is not understood, so it never holds a
// comma. Whether what it names is there is not known here.

import { create, isMessage, type Message } from "@bufbuild/protobuf";
import {
  BudgetSchema,
  LimitSchema,
  PolicySchema,
  QuotaLabelSchema,
  QuotaScopeSchema,
  type QuotaScope,
} from "@tollgate/schema/resources";
import { isId, scopeOf } from "../ids.ts";
import { labelNameProblem, labelValueProblem } from "../label.ts";

export type Label = { readonly name: string; readonly value: string };

export type HolderKind = "customer" | "team" | "user" | "key";
export type Scope = { readonly kind: HolderKind; readonly id: string } | ({ readonly kind: "label" } & Label);

const fields = { customer: "customerId", team: "teamId", user: "userId", key: "keyId" } as const;

/** Undefined for one of a kind that a later version knows, or none. */
export function scopeIn(scope: QuotaScope | undefined): Scope | undefined {
  const of = scope?.of;
  switch (of?.case) {
    case "customerId":
      return { kind: "customer", id: of.value };
    case "teamId":
      return { kind: "team", id: of.value };
    case "userId":
      return { kind: "user", id: of.value };
    case "keyId":
      return { kind: "key", id: of.value };
    case "label":
      return { kind: "label", name: of.value.name, value: of.value.value };
    case undefined:
      return undefined;
  }
}

export function storedScope(scope: Scope): QuotaScope {
  if (scope.kind !== "label") return create(QuotaScopeSchema, { of: { case: fields[scope.kind], value: scope.id } });
  const label = create(QuotaLabelSchema, { name: scope.name, value: scope.value });
  return create(QuotaScopeSchema, { of: { case: "label", value: label } });
}

export function scopeText(scope: Scope): string {
  return scope.kind === "label" ? `label/${scope.name}=${scope.value}` : scopeOf(scope.kind, scope.id);
}

/** Why it cannot be; undefined where it can. */
export function scopeProblem(scope: Scope): string | undefined {
  if (scope.kind !== "label") return isId(scope.id) ? undefined : `is not the id of a ${scope.kind}`;
  const problem = labelNameProblem(scope.name) ?? labelValueProblem(scope.value);
  return problem === undefined ? undefined : `has a label of which a part ${problem}`;
}

/** The kinds of which some hold others back. */
export const restrainingKinds: ReadonlySet<string> = new Set(["budget", "limit", "policy"]);

/**
 * What refuses, beside the resource itself, where it is not understood: who is meant to be held back by it. Calls would go
 * unbounded otherwise.
 */
export function restrainedBy(resource: Message): string[] {
  if (isMessage(resource, PolicySchema)) return resource.covers;
  if (!isMessage(resource, BudgetSchema) && !isMessage(resource, LimitSchema)) return [];
  const scope = scopeIn(resource.scope);
  return scope ? [scopeText(scope)] : [];
}
