// Which budgets and limits a call is charged to, decided on one view: those of its key and of all that the key belongs to, and the
// budgets of its labels. A call asks this on its way, so what was found for a key is kept with it until something of it changes,
// and is then given out without making anything. Where a budget or limit is not understood, who is held back by it refuses.

import { LimitMeasure, type Budget, type Key, type Limit } from "@tollgate/schema/resources";
import { scopesOf } from "../attribution.ts";
import type { ErrorCode } from "../errors.ts";
import { allowedBy, grantOf } from "../grant.ts";
import { scopeOf } from "../ids.ts";
import { modelGrantOf } from "../model-grant.ts";
import type { GrantKind } from "../tool-pattern.ts";
import type { Principal, View } from "../view.ts";
import { budgetIndex, limitIndex, unclearIn, type QuotaIndex, type Unclear } from "./quota-index.ts";

export type Refused = { readonly outcome: "refused"; readonly code: ErrorCode };

export type ChargedBudgets = { readonly outcome: "charged"; readonly to: readonly Budget[] };

/** Two lists, each the same as long as nothing of it changes. */
export type Charged = {
  readonly outcome: "charged";
  readonly budgets: readonly Budget[];
  readonly limits: readonly Limit[];
};

/** What a call is of: a provider's model, or a server's tool, prompt or resource. */
export type CallTarget = { readonly kind: GrantKind | "model"; readonly of: string; readonly name: string };

type Caller = Pick<Principal, "key" | "team" | "user" | "customer">;
type Labelled = Caller & Pick<Principal, "labels">;

const refused = { outcome: "refused", code: "auth.scope-refused" } as const;

export function budgetsOf(view: View, caller: Labelled): ChargedBudgets | Refused {
  return budgetsIn(madeFor(view, caller), caller.labels)?.charged ?? refused;
}

export function chargedTo(view: View, caller: Labelled, target: CallTarget): Charged | Refused {
  const made = madeFor(view, caller);
  const budgets = budgetsIn(made, caller.labels);
  if (budgets === undefined) return refused;
  return { outcome: "charged", budgets: budgets.charged.to, limits: limitsAt(made.limits, target) };
}

/** Undefined where somebody refuses who is held back by what is not understood. */
function budgetsIn(made: Made, labels: readonly string[]): Joined | undefined {
  if (made.isRefused) return undefined;
  let found = made.budgets;
  for (const label of labels) {
    if (made.unclear.scopes.size > 0 && made.unclear.scopes.has(scopeOf("label", label))) return undefined;
    const ofLabel = made.budgetIndex.byLabel.get(label);
    if (ofLabel !== undefined) found = joined(found, ofLabel);
  }
  return found;
}

/** What was found for a key, and of what. */
type Made = {
  readonly caller: Caller;
  readonly budgetIndex: QuotaIndex<Budget>;
  readonly limitIndex: QuotaIndex<Limit>;
  readonly unclear: Unclear;
  readonly isRefused: boolean;
  readonly budgets: Joined;
  readonly limits: AtTargets;
};

const kept = new WeakMap<Key, Made>();

function madeFor({ replica }: View, caller: Caller): Made {
  const budgets = budgetIndex(replica.kinds.get("budget"));
  const limits = limitIndex(replica.kinds.get("limit"));
  const unclear = unclearIn(replica);
  const known = kept.get(caller.key);
  const isSame = known?.budgetIndex === budgets && known.limitIndex === limits && known.unclear === unclear;
  if (isSame && isSameCaller(known.caller, caller)) return known;
  const made = make(caller, { budgetIndex: budgets, limitIndex: limits, unclear });
  kept.set(caller.key, made);
  return made;
}

function isSameCaller(a: Caller, b: Caller): boolean {
  return a.team === b.team && a.user === b.user && a.customer === b.customer;
}

function make(caller: Caller, of: Pick<Made, "budgetIndex" | "limitIndex" | "unclear">): Made {
  // Labels are a call's own, and not its key's.
  const holders = scopesOf({ ...caller, labels: [] });
  const isUnclear = of.unclear.everybody || of.budgetIndex.isUnclear || of.limitIndex.isUnclear;
  const all = holders.flatMap((holder) => of.limitIndex.byHolder.get(holder) ?? []);
  return {
    ...of,
    caller: { key: caller.key, user: caller.user, team: caller.team, customer: caller.customer },
    isRefused: isUnclear || holders.some((holder) => of.unclear.scopes.has(holder)),
    budgets: newJoined(holders.flatMap((holder) => of.budgetIndex.byHolder.get(holder) ?? [])),
    limits: { all, isForAll: all.every(isForAllCalls), size: 0, found: new Map() },
  };
}

/** The budgets of a key, and below them those with the budgets of one label more. */
type Joined = { readonly charged: ChargedBudgets; readonly more: Map<unknown, Joined> };

/** Of one key's labels at one level; beyond it they are found anew. */
const joinedMax = 1_000;

function newJoined(to: readonly Budget[]): Joined {
  return { charged: { outcome: "charged", to }, more: new Map() };
}

function joined(before: Joined, budgets: readonly Budget[]): Joined {
  const known = before.more.get(budgets);
  if (known !== undefined) return known;
  const { to } = before.charged;
  // A label that a call says twice is one.
  const next = newJoined([...to, ...budgets.filter((budget) => !to.includes(budget))]);
  if (before.more.size >= joinedMax) before.more.clear();
  before.more.set(budgets, next);
  return next;
}

type AtTargets = {
  readonly all: readonly Limit[];
  /** Whether it is all of them whatever is called. */
  readonly isForAll: boolean;
  readonly found: Map<string, Map<string, Map<string, readonly Limit[]>>>;
  size: number;
};

/** Of one key; what clients make up as names cannot make it grow. */
const targetsMax = 1_000;
const nameCharsMax = 256;

function limitsAt(limits: AtTargets, target: CallTarget): readonly Limit[] {
  if (limits.isForAll) return limits.all;
  const { kind, of, name } = target;
  const known = limits.found.get(kind)?.get(of)?.get(name);
  if (known !== undefined) return known;
  const covering = limits.all.filter((limit) => covers(limit, target));
  if (of.length + name.length > nameCharsMax) return covering;
  if (limits.size >= targetsMax) {
    limits.found.clear();
    limits.size = 0;
  }
  const ofKind = limits.found.get(kind) ?? new Map<string, Map<string, readonly Limit[]>>();
  const ofHolder = ofKind.get(of) ?? new Map<string, readonly Limit[]>();
  limits.found.set(kind, ofKind.set(of, ofHolder.set(name, covering)));
  limits.size += 1;
  return covering;
}

function isForAllCalls({ measure, models, tools }: Limit): boolean {
  return measure !== LimitMeasure.TOKENS && models.length + tools.length === 0;
}

/** Tools have no tokens. */
function covers({ measure, models, tools }: Limit, { kind, of, name }: CallTarget): boolean {
  if (kind === "model") {
    if (models.length > 0) return modelGrantOf(models).allows(of, name);
    return tools.length === 0;
  }
  if (measure === LimitMeasure.TOKENS) return false;
  return tools.length > 0 ? allowedBy(grantOf(tools), kind, of, name) : models.length === 0;
}
