// Teams: what keys belong to, and what bounds them. A team is retired only when no key refers to it; the log's name rows hold
// that, and that its customer and the groups of its bound are there. A team without a customer may get one; it never gets
// another, because its users' keys were issued in the light of it.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { requiring, teamFeatures } from "@tollgate/kernel/features";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import {
  TeamChangedSchema,
  TeamCreatedSchema,
  TeamRetiredSchema,
  type TeamChanged,
  type TeamCreated,
  type TeamRetired,
} from "@tollgate/schema/events";
import type { Team } from "@tollgate/schema/resources";
import { boundProblem, changedBound, noBound, sameBound, storedBound, type Bound } from "../bounds/bound.ts";
import { customerScopes } from "../customers/customer-of.ts";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { groupScopes } from "../tool-groups/granted-tools.ts";

export type TeamCommand =
  | ({ kind: "create"; id: string; name: string; customerId?: string | undefined } & Partial<Bound>)
  /** What is absent stays. */
  | { kind: "change"; id: string; customerId?: string | undefined; bound: Partial<Bound> }
  | { kind: "retire"; id: string };

export type TeamEvent = TeamCreated | TeamChanged | TeamRetired;
export type TeamRefusal = InvalidInput | NotFound | AlreadyExists;

export const teamDecider: Decider<Team | undefined, TeamCommand, TeamEvent, TeamRefusal> = {
  stream: "team",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.TeamRetired" ? undefined : event.team),
  decide(command, team) {
    const scope = scopeOf("team", command.id);
    if (command.kind === "create") {
      const { id, name, customerId = "" } = command;
      if (team) return refuse({ kind: "already-exists", scope });
      if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
      const bound = changedBound(noBound, command);
      const problem = boundProblem(bound);
      if (problem) return refuse(problem);
      const created = create(TeamCreatedSchema, { team: { id, name, ...stored(customerId, bound) } });
      return accept([created], { reserve: name, ...referring(customerId, bound) });
    }
    if (!team) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const { customerId = team.customerId } = command;
        const bound = changedBound(team, command.bound);
        const problem = boundProblem(bound) ?? customerProblem(team, customerId);
        if (problem) return refuse(problem);
        if (sameBound(bound, team) && customerId === team.customerId) return accept([]);
        const changed = create(TeamChangedSchema, { team: { ...team, ...stored(customerId, bound, team.requires) } });
        return accept([changed], { refer: [], ...referring(customerId, bound) });
      }
      case "retire":
        return accept([create(TeamRetiredSchema, { team })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

function customerProblem(team: Team, customerId: string): InvalidInput | undefined {
  if (team.customerId === "" || customerId === team.customerId) return undefined;
  return invalidInput("customerId", "cannot change: a team that is of a customer stays with it");
}

function stored(customerId: string, bound: Bound, former: readonly string[] = []) {
  const said = { ...storedBound(bound), customerId };
  return { ...said, requires: requiring(former, teamFeatures(said)) };
}

function referring(customerId: string, { toolGroupIds }: Bound): { refer?: string[] } {
  const refer = [...customerScopes(customerId), ...groupScopes(toolGroupIds)];
  return refer.length === 0 ? {} : { refer };
}
