// The policies of a replica, compiled. One is compiled when it is first seen and kept as long as its resource lives. What the
// replica refuses of policies is in force, too: as one that refuses every call that it can have been about, before any other, and
// beside the version that was understood, which may be about more.

import type { Policy } from "@tollgate/schema/resources";
import type { Entry, Replica } from "../replica.ts";
import { compilePolicy, type CompiledPolicy } from "./compile.ts";
import { coverOrAll } from "./cover.ts";
import { inOrder } from "./decide.ts";
import { everyCall } from "./expression.ts";

export type { CompiledPolicy };

const scopePrefix = "policy/";
const none: readonly CompiledPolicy[] = [];

export function policiesIn(
  replica: Replica,
  policyOf: (entry: Entry) => Policy,
  previous?: { readonly replica: Replica; readonly policies: readonly CompiledPolicy[] },
): readonly CompiledPolicy[] {
  const state = replica.kinds.get("policy");
  const isSame = previous?.replica.kinds.get("policy") === state;
  if (previous !== undefined && isSame && hasSameRefusals(replica, previous.replica)) return previous.policies;
  const policies: CompiledPolicy[] = [];
  for (const entry of state?.entries.values() ?? []) {
    const policy = policyOf(entry);
    if (!policy.disabled) policies.push(compiled(entry, policy));
  }
  for (const [scope, { restrains }] of replica.refused)
    if (scope.startsWith(scopePrefix)) policies.push(refusing(scope, restrains));
  return policies.length === 0 ? none : inOrder(policies);
}

function hasSameRefusals({ refused }: Replica, { refused: former }: Replica): boolean {
  return refused === former || (refused.size === 0 && former.size === 0);
}

const known = new WeakMap<Entry, CompiledPolicy>();

function compiled(entry: Entry, policy: Policy): CompiledPolicy {
  const one = known.get(entry);
  if (one !== undefined) return one;
  const done = compilePolicy(policy);
  // The replica holds none that does not compile.
  if (done.outcome === "refused") return refusing(scopePrefix + entry.id, policy.covers);
  known.set(entry, done.policy);
  return done.policy;
}

function refusing(scope: string, covers: readonly string[] | undefined): CompiledPolicy {
  const id = scope.slice(scopePrefix.length);
  const judge = () => ({ outcome: "refuses", code: "policy.scope-refused", detail: `(${id})` }) as const;
  const place = { order: Number.NEGATIVE_INFINITY, cover: coverOrAll(covers) };
  return { id, name: id, ...place, expression: everyCall, kind: "refused", judge };
}
