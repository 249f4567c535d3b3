// Budgets and limits by whom they are for, made once for each state of them at the first call that asks; and who is held back by
// those that are not understood, so that his calls refuse. Who cannot be told is everybody.

import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Message } from "@bufbuild/protobuf";
import { BudgetSchema, LimitSchema, type QuotaScope } from "@tollgate/schema/resources";
import type { KindState, Replica } from "../replica.ts";
import { decoded } from "../view.ts";
import { scopeIn, scopeText } from "./quota-scope.ts";

type Quota = Message & { name: string; scope?: QuotaScope | undefined };

export type QuotaIndex<T> = {
  /** By the text of whom they are for, "team/<id>"; each list by name. */
  readonly byHolder: ReadonlyMap<string, readonly T[]>;
  /** By a label as calls have it: "project=apollo". */
  readonly byLabel: ReadonlyMap<string, readonly T[]>;
  /** Some are for whom this software does not know, and none of them says that it has to. */
  readonly isUnclear: boolean;
};

export const budgetIndex = indexer(BudgetSchema);
export const limitIndex = indexer(LimitSchema);

function indexer<T extends Quota>(desc: GenMessage<T>): (state: KindState | undefined) => QuotaIndex<T> {
  const made = new WeakMap<KindState, QuotaIndex<T>>();
  const none: QuotaIndex<T> = { byHolder: new Map(), byLabel: new Map(), isUnclear: false };
  return (state) => {
    if (!state) return none;
    const known = made.get(state);
    if (known) return known;
    const all: T[] = [];
    for (const entry of state.entries.values()) all.push(decoded(entry, desc));
    const index = indexed(all.sort((a, b) => (a.name < b.name ? -1 : 1)));
    made.set(state, index);
    return index;
  };
}

function indexed<T extends Quota>(all: readonly T[]): QuotaIndex<T> {
  const byHolder = new Map<string, T[]>();
  const byLabel = new Map<string, T[]>();
  let isUnclear = false;
  for (const quota of all) {
    const scope = scopeIn(quota.scope);
    if (!scope) isUnclear = true;
    else if (scope.kind === "label") append(byLabel, `${scope.name}=${scope.value}`, quota);
    else append(byHolder, scopeText(scope), quota);
  }
  return { byHolder, byLabel, isUnclear };
}

function append<T>(to: Map<string, T[]>, key: string, one: T): void {
  const list = to.get(key);
  if (list) list.push(one);
  else to.set(key, [one]);
}

/** Whose calls refuse, by the texts of scopes. */
export type Unclear = { readonly everybody: boolean; readonly scopes: ReadonlySet<string> };

const nobody: Unclear = { everybody: false, scopes: new Set() };
const found = new WeakMap<Replica["refused"], Unclear>();

export function unclearIn({ refused }: Replica): Unclear {
  if (refused.size === 0) return nobody;
  const known = found.get(refused);
  if (known) return known;
  const scopes = new Set<string>();
  let everybody = false;
  for (const [scope, { restrains }] of refused) {
    // What else refuses is found out where its calls are let in.
    if (scope.startsWith("label/")) scopes.add(scope);
    if (!scope.startsWith("budget/") && !scope.startsWith("limit/")) continue;
    if (restrains === undefined) everybody = true;
    else for (const one of restrains) scopes.add(one);
  }
  const unclear: Unclear = everybody || scopes.size > 0 ? { everybody, scopes } : nobody;
  found.set(refused, unclear);
  return unclear;
}
