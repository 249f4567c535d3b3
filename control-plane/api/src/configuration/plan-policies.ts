// The policies of a file against those that there are.

import { idBytes, idFromBytes, scopeOf } from "@tollgate/kernel/ids";
import type { ConfiguredPolicy } from "@tollgate/kernel/configuration/policy";
import type { Policy } from "@tollgate/schema/resources";
import type { AnyStep } from "../log/handle.ts";
import { policyDecider, sameRule, type PolicyCommand, type PolicyRule } from "../policies/policy.decider.ts";
import { pruned, type KindPlan, type Planning } from "./planning.ts";

/** Ids of what is there or will be, by name. */
export type CoveredIds = Readonly<Record<"server" | "provider" | "team", (name: string) => string>>;

export function planPolicies(planning: Planning, ids: CoveredIds): KindPlan {
  const { configuration, current, randomBytes } = planning;
  const both = { there: current.policies, wanted: configuration.policies };
  const gone = pruned(planning, "policy", both, ({ id }) => [stepOf({ kind: "retire", id })]);
  const plan: KindPlan = { items: [], changes: [], ...gone };
  for (const [index, wanted] of configuration.policies.entries()) {
    const { name, at } = wanted;
    const former = current.policies.get(name);
    const rule = ruleOf(wanted, ids);
    const fields = former ? differencesOf(former, rule) : [];
    const action = former === undefined ? "create" : fields.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "policy", name, fields });
    if (action === "none") continue;
    const id = former?.id ?? idFromBytes(randomBytes(idBytes));
    const step = stepOf(former ? { kind: "change", id, rule } : { kind: "create", id, name, rule });
    plan.changes.push({ step, place: { at, path: `policies[${index}]` } });
  }
  return plan;
}

function ruleOf({ enabled, order, match, covers, kind }: ConfiguredPolicy, ids: CoveredIds): PolicyRule {
  return {
    ...{ disabled: !enabled, order, match, kind },
    covers: [
      ...covers.servers.map((name) => scopeOf("server", ids.server(name))),
      ...covers.providers.map((name) => scopeOf("provider", ids.provider(name))),
      ...covers.teams.map((name) => scopeOf("team", ids.team(name))),
    ],
  };
}

function differencesOf(former: Policy, rule: PolicyRule): string[] {
  const isSame = (part: Partial<PolicyRule>): boolean => sameRule(former, { ...former, ...part });
  return [
    ...(isSame({ disabled: rule.disabled }) ? [] : ["enabled"]),
    ...(isSame({ order: rule.order }) ? [] : ["order"]),
    ...(isSame({ match: rule.match }) ? [] : ["match"]),
    ...(isSame({ covers: rule.covers }) ? [] : ["covers"]),
    ...(isSame({ kind: rule.kind }) ? [] : [rule.kind.case ?? "kind"]),
  ];
}

function stepOf(command: PolicyCommand): AnyStep {
  return { decider: policyDecider, id: command.id, command };
}
