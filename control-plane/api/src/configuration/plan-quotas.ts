// The budgets and limits of a file against those that there are. Overrides are no part of a file, and stay. One that is for a
// key that is over, and that the file does not bring back, is left as it is, as the key is.

import { isDeepStrictEqual } from "node:util";
import type { ConfiguredScope } from "@tollgate/kernel/configuration/quota-scope";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { HolderKind, Scope } from "@tollgate/kernel/quotas/quota-scope";
import type { AnyStep } from "../log/handle.ts";
import { budgetDecider, budgetFieldNames, budgetSettingsOf, type BudgetCommand } from "../quotas/budget.decider.ts";
import { limitDecider, limitSettingsOf, type LimitCommand } from "../quotas/limit.decider.ts";
import { pruned, type KindPlan, type PlanItem, type PlannedStep, type Planning } from "./planning.ts";

/** Of whoever is there or will be, by name; undefined of a key that is over. */
export type IdsOf = Readonly<Record<HolderKind, (name: string) => string | undefined>>;

export function planBudgets(planning: Planning, idsOf: IdsOf): KindPlan {
  const { configuration, current } = planning;
  const both = { there: current.budgets, wanted: configuration.budgets };
  const plan = planKind(planning, "budgets", configuration.budgets, {
    ...{ kind: "budget", idsOf },
    formerOf(name, settings) {
      const former = current.budgets.get(name);
      return former && { id: former.id, fields: changedFields(budgetSettingsOf(former), settings, budgetFieldNames) };
    },
    stepOf: (id, name, settings, isThere) =>
      budgetStep(isThere ? { kind: "change", id, settings } : { kind: "create", id, name, settings }),
  });
  return { ...plan, ...pruned(planning, "budget", both, ({ id }) => [budgetStep({ kind: "retire", id })]) };
}

export function planLimits(planning: Planning, idsOf: IdsOf): KindPlan {
  const { configuration, current } = planning;
  const both = { there: current.limits, wanted: configuration.limits };
  const plan = planKind(planning, "limits", configuration.limits, {
    ...{ kind: "limit", idsOf },
    formerOf(name, settings) {
      const former = current.limits.get(name);
      return former && { id: former.id, fields: changedFields(limitSettingsOf(former), settings, {}) };
    },
    stepOf: (id, name, settings, isThere) =>
      limitStep(isThere ? { kind: "change", id, settings } : { kind: "create", id, name, settings }),
  });
  return { ...plan, ...pruned(planning, "limit", both, ({ id }) => [limitStep({ kind: "retire", id })]) };
}

function budgetStep(command: BudgetCommand): AnyStep {
  return { decider: budgetDecider, id: command.id, command };
}

function limitStep(command: LimitCommand): AnyStep {
  return { decider: limitDecider, id: command.id, command };
}

type Wanted<Settings> = {
  name: string;
  scope: ConfiguredScope;
  settings: Settings;
  at: { line: number; column: number };
};

type Planner<Settings> = {
  kind: "budget" | "limit";
  idsOf: IdsOf;
  /** What there is of the name, and what of it the settings change. */
  formerOf: (name: string, settings: Settings & { scope: Scope }) => { id: string; fields: string[] } | undefined;
  stepOf: (id: string, name: string, settings: Settings & { scope: Scope }, isThere: boolean) => AnyStep;
};

function planKind<Settings extends object>(
  { randomBytes }: Planning,
  section: string,
  all: readonly Wanted<Settings>[],
  { kind, idsOf, formerOf, stepOf }: Planner<Settings>,
): { items: PlanItem[]; changes: PlannedStep[] } {
  const items: PlanItem[] = [];
  const changes: PlannedStep[] = [];
  for (const [index, { name, at, scope: named, settings: plain }] of all.entries()) {
    const scope = scopeOf(named, idsOf);
    const settings = scope && { ...plain, scope };
    const former = settings && formerOf(name, settings);
    const isNothing = !settings || former?.fields.length === 0;
    const action = isNothing ? "none" : former ? "change" : "create";
    items.push({ action, kind, name, fields: former?.fields ?? [] });
    if (isNothing) continue;
    const id = former?.id ?? idFromBytes(randomBytes(idBytes));
    const place = { at, path: `${section}[${index}]` };
    changes.push({ step: stepOf(id, name, settings, former !== undefined), place });
  }
  return { items, changes };
}

function scopeOf(scope: ConfiguredScope, idsOf: IdsOf): Scope | undefined {
  if (scope.kind === "label") return scope;
  const id = idsOf[scope.kind](scope.name);
  return id === undefined ? undefined : { kind: scope.kind, id };
}

/** By the names that the file has for them; what cannot be read of what is there changes as a whole. */
function changedFields<Settings extends object>(
  former: Settings | undefined,
  settings: Settings,
  names: Partial<Record<keyof Settings, string>>,
): string[] {
  const fields: string[] = [];
  for (const field in settings)
    if (!isDeepStrictEqual(former?.[field], settings[field])) fields.push(names[field] ?? field);
  return fields;
}
