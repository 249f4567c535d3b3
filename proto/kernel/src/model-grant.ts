// Which models a set of patterns lets through, compiled once for each distinct set and shared by every key and team that has the
// same. Two grants may be joined into one that asks both. An alias is let through by its name, or because each model that
// it can stand for is: who may call them all gains nothing by the other name.

import { modelPattern } from "./model-pattern.ts";

/** A model by the name of its provider and the provider's name for it. */
export type ModelName = { readonly provider: string; readonly model: string };

export type ModelGrant = {
  allows(this: void, provider: string, model: string): boolean;
  /** `targets`: what the alias stands for, all of it; none where that is not known. */
  allowsAlias(this: void, name: string, targets: readonly ModelName[]): boolean;
};

const shared = new Map<string, ModelGrant>();
/** Sets kept for sharing. One that falls out is compiled again when its next key comes; nothing breaks. */
const sharedSetsMax = 10_000;

export function modelGrantOf(patterns: readonly string[]): ModelGrant {
  const set = [...new Set(patterns)].sort();
  const name = set.join("\n");
  const known = shared.get(name);
  if (known) return known;
  const grant = unsharedModelGrant(set);
  if (shared.size >= sharedSetsMax) for (const oldest of shared.keys()) if (shared.delete(oldest)) break;
  shared.set(name, grant);
  return grant;
}

/** Of what only one request asks for: it must not push out what keys share. */
export function unsharedModelGrant(texts: readonly string[]): ModelGrant {
  const exact = new Set(texts.filter((text) => !text.includes("*")));
  const patterns = texts.filter((text) => text.includes("*")).flatMap((text) => modelPattern(text) ?? []);
  const allows = (provider: string, model: string): boolean =>
    exact.has(`${provider}/${model}`) || patterns.some((pattern) => pattern.matches(provider, model));
  return {
    allows,
    allowsAlias: (name, targets) =>
      (!name.includes("/") && exact.has(name)) ||
      patterns.some((pattern) => pattern.matchesAlias(name)) ||
      (targets.length > 0 && targets.every(({ provider, model }) => allows(provider, model))),
  };
}

const joined = new WeakMap<ModelGrant, WeakMap<ModelGrant, ModelGrant>>();

/** What both allow. */
export function bothModelGrants(a: ModelGrant, b: ModelGrant): ModelGrant {
  if (a === b) return a;
  const ofA = joined.get(a) ?? new WeakMap<ModelGrant, ModelGrant>();
  joined.set(a, ofA);
  const known = ofA.get(b);
  if (known) return known;
  const both: ModelGrant = {
    allows: (provider, model) => a.allows(provider, model) && b.allows(provider, model),
    allowsAlias: (name, targets) => a.allowsAlias(name, targets) && b.allowsAlias(name, targets),
  };
  ofA.set(b, both);
  return both;
}
