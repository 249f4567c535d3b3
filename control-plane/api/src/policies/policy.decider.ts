// Policies: rules about calls. One that does not compile is refused here, with its place in the expression, by the compiler that
// proxies use; what was accepted can be enforced by whoever is of this version. A policy holds the servers, providers and
// teams that it covers, which then stay; the log's name rows hold that.

import { create, equals } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { policyFeatures, requiring } from "@tollgate/kernel/features";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { compilePolicy } from "@tollgate/kernel/policy/compile";
import {
  PolicyChangedSchema,
  PolicyCreatedSchema,
  PolicyRetiredSchema,
  type PolicyChanged,
  type PolicyCreated,
  type PolicyRetired,
} from "@tollgate/schema/events";
import { PolicySchema, type Policy } from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";

/** What a policy says, all of it. `covers` are scopes. */
export type PolicyRule = Pick<Policy, "disabled" | "order" | "match" | "covers" | "kind">;

export type PolicyCommand =
  | { kind: "create"; id: string; name: string; rule: PolicyRule }
  | { kind: "change"; id: string; rule: PolicyRule }
  | { kind: "retire"; id: string };

export type PolicyEvent = PolicyCreated | PolicyChanged | PolicyRetired;
export type PolicyRefusal = InvalidInput | NotFound | AlreadyExists;

export const policyDecider: Decider<Policy | undefined, PolicyCommand, PolicyEvent, PolicyRefusal> = {
  stream: "policy",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.PolicyRetired" ? undefined : event.policy),
  decide(command, former) {
    const scope = scopeOf("policy", command.id);
    if (command.kind === "create") {
      const { id, name, rule } = command;
      if (former) return refuse({ kind: "already-exists", scope });
      if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
      const made = checked(create(PolicySchema, { id, name, ...rule }));
      if ("problem" in made) return refuse(made.problem);
      const { policy } = made;
      return accept([create(PolicyCreatedSchema, { policy })], { reserve: name, refer: policy.covers });
    }
    if (!former) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const made = checked(create(PolicySchema, { ...former, ...command.rule }));
        if ("problem" in made) return refuse(made.problem);
        const { policy } = made;
        if (equals(PolicySchema, policy, former)) return accept([]);
        return accept([create(PolicyChangedSchema, { policy })], { refer: policy.covers });
      }
      case "retire":
        return accept([create(PolicyRetiredSchema, { policy: former })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

/** With what it requires of proxies. */
function checked(policy: Policy): { policy: Policy } | { problem: InvalidInput } {
  if (policy.covers.length > limits.policyCoversMax)
    return { problem: invalidInput("covers", `has more than ${limits.policyCoversMax} entries`) };
  if (policy.kind.case === undefined)
    return { problem: invalidInput("kind", "is missing: exactly one of them says what is done") };
  const compiled = compilePolicy(policy);
  if (compiled.outcome === "compiled") {
    const requires = requiring(policy.requires, policyFeatures(policy, compiled.policy.expression.features));
    return { policy: create(PolicySchema, { ...policy, requires }) };
  }
  const { field, message, line, column } = compiled.problem;
  const where = line === undefined ? "" : ` at line ${line}, column ${column}`;
  return { problem: invalidInput(field, `is refused${where}: ${message}`) };
}

export function sameRule(policy: Policy, rule: PolicyRule): boolean {
  return equals(PolicySchema, create(PolicySchema, { ...policy, ...rule }), policy);
}
