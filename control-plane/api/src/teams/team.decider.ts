// Teams: what keys belong to. A team is retired only when no key refers to it; the log's name rows hold that.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { TeamCreatedSchema, TeamRetiredSchema, type TeamCreated, type TeamRetired } from "@tollgate/schema/events";
import type { Team } from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";

export type TeamCommand = { kind: "create"; id: string; name: string } | { kind: "retire"; id: string };

export type TeamRefusal = InvalidInput | NotFound | AlreadyExists;

export const teamDecider: Decider<Team | undefined, TeamCommand, TeamCreated | TeamRetired, TeamRefusal> = {
  stream: "team",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.TeamRetired" ? undefined : event.team),
  decide(command, team) {
    const scope = scopeOf("team", command.id);
    switch (command.kind) {
      case "create": {
        const { id, name } = command;
        if (team) return refuse({ kind: "already-exists", scope });
        if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
        return accept([create(TeamCreatedSchema, { team: { id, name } })], { reserve: name });
      }
      case "retire":
        if (!team) return refuse({ kind: "not-found", scope });
        return accept([create(TeamRetiredSchema, { team })], { release: true });
      default:
        return assertNever(command);
    }
  },
};
