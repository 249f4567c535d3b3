// The teams of a file against those that there are.

import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { teamDecider } from "../teams/team.decider.ts";
import type { PlanItem, PlannedStep, Planning } from "./planning.ts";

export type TeamsPlan = {
  items: PlanItem[];
  creates: PlannedStep[];
  retired: PlanItem[];
  retires: PlannedStep[];
  /** Of a team that is there or will be. */
  idOf: (name: string) => string;
};

export function planTeams({ configuration, current, prune, randomBytes }: Planning): TeamsPlan {
  const items: PlanItem[] = [];
  const creates: PlannedStep[] = [];
  const ids = new Map([...current.teams].map(([name, { id }]) => [name, id]));
  for (const [index, { name, at }] of configuration.teams.entries()) {
    const isThere = current.teams.has(name);
    items.push({ action: isThere ? "none" : "create", kind: "team", name, fields: [] });
    if (isThere) continue;
    const id = idFromBytes(randomBytes(idBytes));
    ids.set(name, id);
    const step = { decider: teamDecider, id, command: { kind: "create", id, name } };
    creates.push({ step, place: { at, path: `teams[${index}]` } });
  }
  const named = new Set(configuration.teams.map(({ name }) => name));
  const gone = prune ? [...current.teams.values()].filter(({ name }) => !named.has(name)) : [];
  return {
    items,
    creates,
    retired: gone.map(({ name }) => ({ action: "retire", kind: "team", name, fields: [] })),
    retires: gone.map(({ id }) => {
      return { step: { decider: teamDecider, id, command: { kind: "retire", id } }, place: undefined };
    }),
    idOf(name) {
      const id = ids.get(name);
      if (id === undefined) throw new Error(`the file's own check let the team ${name} through`);
      return id;
    },
  };
}
