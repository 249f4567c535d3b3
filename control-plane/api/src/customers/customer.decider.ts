// Customers: what teams and users may belong to, and what bounds the keys of its teams. A customer is retired only when no team
// and no user refers to it; the log's name rows hold that, and that the groups of its bound are there.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import {
  CustomerChangedSchema,
  CustomerCreatedSchema,
  CustomerRetiredSchema,
  type CustomerChanged,
  type CustomerCreated,
  type CustomerRetired,
} from "@tollgate/schema/events";
import type { Customer } from "@tollgate/schema/resources";
import { boundProblem, changedBound, noBound, sameBound, storedBound, type Bound } from "../bounds/bound.ts";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { groupScopes } from "../tool-groups/granted-tools.ts";

export type CustomerCommand =
  | ({ kind: "create"; id: string; name: string } & Partial<Bound>)
  /** What is absent stays. */
  | { kind: "change"; id: string; bound: Partial<Bound> }
  | { kind: "retire"; id: string };

export type CustomerEvent = CustomerCreated | CustomerChanged | CustomerRetired;
export type CustomerRefusal = InvalidInput | NotFound | AlreadyExists;

export const customerDecider: Decider<Customer | undefined, CustomerCommand, CustomerEvent, CustomerRefusal> = {
  stream: "customer",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.CustomerRetired" ? undefined : event.customer),
  decide(command, customer) {
    const scope = scopeOf("customer", command.id);
    if (command.kind === "create") {
      const { id, name } = command;
      if (customer) return refuse({ kind: "already-exists", scope });
      if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
      const bound = changedBound(noBound, command);
      const problem = boundProblem(bound);
      if (problem) return refuse(problem);
      const created = create(CustomerCreatedSchema, { customer: { id, name, ...storedBound(bound) } });
      return accept([created], { reserve: name, refer: groupScopes(bound.toolGroupIds) });
    }
    if (!customer) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const bound = changedBound(customer, command.bound);
        const problem = boundProblem(bound);
        if (problem) return refuse(problem);
        if (sameBound(bound, customer)) return accept([]);
        const changed = create(CustomerChangedSchema, { customer: { ...customer, ...storedBound(bound) } });
        return accept([changed], { refer: groupScopes(bound.toolGroupIds) });
      }
      case "retire":
        return accept([create(CustomerRetiredSchema, { customer })], { release: true });
      default:
        return assertNever(command);
    }
  },
};
