// The environments of a file against those that there are. One that the file does not name stays as it is, unless the file
// is to be all that there is.

import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { environmentDecider, type EnvironmentCommand } from "../environments/environment.decider.ts";
import type { FilePlace, PlanItem, PlannedStep, Planning } from "./planning.ts";

export type EnvironmentsPlan = {
  items: PlanItem[];
  changes: PlannedStep[];
  retired: PlanItem[];
  retires: PlannedStep[];
};

export function planEnvironments({ configuration, current, prune, randomBytes }: Planning): EnvironmentsPlan {
  const plan: EnvironmentsPlan = { items: [], changes: [], retired: [], retires: [] };
  for (const [index, { name, at, ...wanted }] of configuration.environments.entries()) {
    const former = current.environments.get(name);
    const replicaAgeMsMax = wanted.replicaAgeMsMax === undefined ? undefined : BigInt(wanted.replicaAgeMsMax);
    const fields = former && former.replicaAgeMsMax !== replicaAgeMsMax ? ["replicaAgeMsMax"] : [];
    const action = former === undefined ? "create" : fields.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "environment", name, fields });
    if (action === "none") continue;
    const id = former?.id ?? idFromBytes(randomBytes(idBytes));
    const place = { at, path: `environments[${index}]` };
    plan.changes.push(stepOf({ kind: "set", id, name, settings: { replicaAgeMsMax } }, place));
  }
  const named = new Set(configuration.environments.map(({ name }) => name));
  for (const { id, name } of prune ? current.environments.values() : []) {
    if (named.has(name)) continue;
    plan.retires.push(stepOf({ kind: "retire", id }, undefined));
    plan.retired.push({ action: "retire", kind: "environment", name, fields: [] });
  }
  return plan;
}

function stepOf(command: EnvironmentCommand, place: FilePlace | undefined): PlannedStep {
  return { step: { decider: environmentDecider, id: command.id, command }, place };
}
