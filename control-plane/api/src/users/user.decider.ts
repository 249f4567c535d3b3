// Users: persons, whose agents carry keys, and what bounds those keys in whatever team they are. A user is retired only when
// no key refers to it. Whether a user is of a customer is said when it is created and never changes: a key was issued in
// the light of it.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import {
  UserChangedSchema,
  UserCreatedSchema,
  UserRetiredSchema,
  type UserChanged,
  type UserCreated,
  type UserRetired,
} from "@tollgate/schema/events";
import type { User } from "@tollgate/schema/resources";
import { boundProblem, changedBound, noBound, sameBound, storedBound, type Bound } from "../bounds/bound.ts";
import { customerScopes } from "../customers/customer-of.ts";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { groupScopes } from "../tool-groups/granted-tools.ts";

export type UserCommand =
  | ({ kind: "create"; id: string; name: string; customerId?: string | undefined } & Partial<Bound>)
  /** What is absent stays; so must the customer. */
  | { kind: "change"; id: string; customerId?: string | undefined; bound: Partial<Bound> }
  | { kind: "retire"; id: string };

export type UserEvent = UserCreated | UserChanged | UserRetired;
export type UserRefusal = InvalidInput | NotFound | AlreadyExists;

export const userDecider: Decider<User | undefined, UserCommand, UserEvent, UserRefusal> = {
  stream: "user",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.UserRetired" ? undefined : event.user),
  decide(command, user) {
    const scope = scopeOf("user", command.id);
    if (command.kind === "create") {
      const { id, name, customerId = "" } = command;
      if (user) return refuse({ kind: "already-exists", scope });
      if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
      const bound = changedBound(noBound, command);
      const problem = boundProblem(bound);
      if (problem) return refuse(problem);
      const created = create(UserCreatedSchema, { user: { id, name, customerId, ...storedBound(bound) } });
      return accept([created], { reserve: name, refer: referring(customerId, bound) });
    }
    if (!user) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const bound = changedBound(user, command.bound);
        const problem = boundProblem(bound) ?? customerProblem(user, command.customerId);
        if (problem) return refuse(problem);
        if (sameBound(bound, user)) return accept([]);
        const changed = create(UserChangedSchema, { user: { ...user, ...storedBound(bound) } });
        return accept([changed], { refer: referring(user.customerId, bound) });
      }
      case "retire":
        return accept([create(UserRetiredSchema, { user })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

function customerProblem(user: User, customerId = user.customerId): InvalidInput | undefined {
  return customerId === user.customerId ? undefined : invalidInput("customerId", "cannot change: a user stays with it");
}

function referring(customerId: string, { toolGroupIds }: Bound): string[] {
  return [...customerScopes(customerId), ...groupScopes(toolGroupIds)];
}
