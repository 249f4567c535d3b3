// Teams: what keys belong to, and what bounds them. A team is retired only when no key refers to it; the log's name rows hold
// that, and that the groups of its bound are there.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { requiring, teamFeatures } from "@tollgate/kernel/features";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import {
  TeamChangedSchema,
  TeamCreatedSchema,
  TeamRetiredSchema,
  type TeamChanged,
  type TeamCreated,
  type TeamRetired,
} from "@tollgate/schema/events";
import type { Team } from "@tollgate/schema/resources";
import { modelsProblem } from "../model-aliases/granted-models.ts";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { grantProblem, groupScopes, sameGrant, sameList, type GrantedTools } from "../tool-groups/granted-tools.ts";

/** What bounds its keys. */
export type TeamGrant = GrantedTools & { models: readonly string[] };

export type TeamCommand =
  | ({ kind: "create"; id: string; name: string } & Partial<TeamGrant>)
  /** What is absent stays. */
  | { kind: "change"; id: string; grant: Partial<TeamGrant> }
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
      const { id, name, tools = [], toolGroupIds = [], models = [] } = command;
      if (team) return refuse({ kind: "already-exists", scope });
      if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
      const grant = { tools, toolGroupIds, models };
      const problem = boundProblem(grant);
      if (problem) return refuse(problem);
      const created = create(TeamCreatedSchema, { team: { id, name, ...stored(grant) } });
      return accept([created], { reserve: name, ...referring(grant) });
    }
    if (!team) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const { tools, toolGroupIds, models } = team;
        const grant = { tools, toolGroupIds, models, ...command.grant };
        const problem = boundProblem(grant);
        if (problem) return refuse(problem);
        if (sameGrant(grant, team) && sameList(grant.models, models)) return accept([]);
        const changed = create(TeamChangedSchema, { team: { ...team, ...stored(grant, team.requires) } });
        return accept([changed], { refer: groupScopes(grant.toolGroupIds) });
      }
      case "retire":
        return accept([create(TeamRetiredSchema, { team })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

function boundProblem(grant: TeamGrant): InvalidInput | undefined {
  return (
    grantProblem(grant, limits.toolPatternsPerTeamMax) ?? modelsProblem(grant.models, limits.modelPatternsPerTeamMax)
  );
}

function stored({ tools, toolGroupIds, models }: TeamGrant, former: readonly string[] = []) {
  const grant = { tools: [...tools], toolGroupIds: [...toolGroupIds], models: [...models] };
  return { ...grant, requires: requiring(former, teamFeatures(grant)) };
}

function referring({ toolGroupIds }: GrantedTools): { refer?: string[] } {
  return toolGroupIds.length === 0 ? {} : { refer: groupScopes(toolGroupIds) };
}
