// The teams of a file against those that there are.

import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { teamDecider, type TeamCommand } from "../teams/team.decider.ts";
import { sameList } from "../tool-groups/granted-tools.ts";
import type { FilePlace, PlanItem, PlannedStep, Planning } from "./planning.ts";

export type TeamsPlan = {
  items: PlanItem[];
  changes: PlannedStep[];
  retired: PlanItem[];
  retires: PlannedStep[];
  /** Of a team that is there or will be. */
  idOf: (name: string) => string;
};

export function planTeams(
  { configuration, current, prune, randomBytes }: Planning,
  groupIds: (names: readonly string[]) => string[],
): TeamsPlan {
  const items: PlanItem[] = [];
  const changes: PlannedStep[] = [];
  const ids = new Map([...current.teams].map(([name, { id }]) => [name, id]));
  for (const [index, { name, at, tools, toolGroups }] of configuration.teams.entries()) {
    const former = current.teams.get(name);
    const grant = { tools, toolGroupIds: groupIds(toolGroups) };
    const isSame = (field: "tools" | "toolGroupIds") => !former || sameList(grant[field], former[field]);
    const fields = isSame("tools") && isSame("toolGroupIds") ? [] : ["tools"];
    items.push({
      action: former === undefined ? "create" : fields.length > 0 ? "change" : "none",
      ...{ kind: "team", name, fields },
    });
    if (former && fields.length === 0) continue;
    const id = former?.id ?? idFromBytes(randomBytes(idBytes));
    ids.set(name, id);
    const place = { at, path: `teams[${index}]` };
    changes.push(stepOf(former ? { kind: "change", id, grant } : { kind: "create", id, name, ...grant }, place));
  }
  const named = new Set(configuration.teams.map(({ name }) => name));
  const gone = prune ? [...current.teams.values()].filter(({ name }) => !named.has(name)) : [];
  return {
    items,
    changes,
    retired: gone.map(({ name }) => ({ action: "retire", kind: "team", name, fields: [] })),
    retires: gone.map(({ id }) => stepOf({ kind: "retire", id }, undefined)),
    idOf(name) {
      const id = ids.get(name);
      if (id === undefined) throw new Error(`the file's own check let the team ${name} through`);
      return id;
    },
  };
}

function stepOf(command: TeamCommand, place: FilePlace | undefined): PlannedStep {
  return { step: { decider: teamDecider, id: command.id, command }, place };
}
