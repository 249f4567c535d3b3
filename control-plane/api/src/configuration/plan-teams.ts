// The teams of a file against those that there are.

import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { AnyStep } from "../log/handle.ts";
import { teamDecider, type TeamCommand } from "../teams/team.decider.ts";
import { sameList } from "../tool-groups/granted-tools.ts";
import { pruned, type KindPlan, type PlanItem, type PlannedStep, type Planning } from "./planning.ts";

/** `idOf` a team that is there or will be. */
export type TeamsPlan = KindPlan & { idOf: (name: string) => string };

export function planTeams(planning: Planning, groupIds: (names: readonly string[]) => string[]): TeamsPlan {
  const { configuration, current, randomBytes } = planning;
  const items: PlanItem[] = [];
  const changes: PlannedStep[] = [];
  const ids = new Map([...current.teams].map(([name, { id }]) => [name, id]));
  for (const [index, { name, at, tools, toolGroups, models }] of configuration.teams.entries()) {
    const former = current.teams.get(name);
    const grant = { tools, toolGroupIds: groupIds(toolGroups), models };
    const isSame = (field: keyof typeof grant) => !former || sameList(grant[field], former[field]);
    const fields = [
      ...(isSame("tools") && isSame("toolGroupIds") ? [] : ["tools"]),
      ...(isSame("models") ? [] : ["models"]),
    ];
    items.push({
      action: former === undefined ? "create" : fields.length > 0 ? "change" : "none",
      ...{ kind: "team", name, fields },
    });
    if (former && fields.length === 0) continue;
    const id = former?.id ?? idFromBytes(randomBytes(idBytes));
    ids.set(name, id);
    const place = { at, path: `teams[${index}]` };
    const step = stepOf(former ? { kind: "change", id, bound: grant } : { kind: "create", id, name, ...grant });
    changes.push({ step, place });
  }
  const both = { there: current.teams, wanted: configuration.teams };
  return {
    items,
    changes,
    ...pruned(planning, "team", both, ({ id }) => [stepOf({ kind: "retire", id })]),
    idOf(name) {
      const id = ids.get(name);
      if (id === undefined) throw new Error(`the file's own check let the team ${name} through`);
      return id;
    },
  };
}

function stepOf(command: TeamCommand): AnyStep {
  return { decider: teamDecider, id: command.id, command };
}
