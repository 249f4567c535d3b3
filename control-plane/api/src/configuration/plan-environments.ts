// The environments of a file against those that there are. One that the file does not name stays as it is, unless the file
// is to be all that there is.

import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { environmentDecider, type EnvironmentCommand } from "../environments/environment.decider.ts";
import type { AnyStep } from "../log/handle.ts";
import { pruned, type KindPlan, type Planning } from "./planning.ts";

export function planEnvironments(planning: Planning): KindPlan {
  const { configuration, current, randomBytes } = planning;
  const both = { there: current.environments, wanted: configuration.environments };
  const gone = pruned(planning, "environment", both, ({ id }) => [stepOf({ kind: "retire", id })]);
  const plan: KindPlan = { items: [], changes: [], ...gone };
  for (const [index, { name, at, ...wanted }] of configuration.environments.entries()) {
    const former = current.environments.get(name);
    const replicaAgeMsMax = wanted.replicaAgeMsMax === undefined ? undefined : BigInt(wanted.replicaAgeMsMax);
    const fields = former && former.replicaAgeMsMax !== replicaAgeMsMax ? ["replicaAgeMsMax"] : [];
    const action = former === undefined ? "create" : fields.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "environment", name, fields });
    if (action === "none") continue;
    const id = former?.id ?? idFromBytes(randomBytes(idBytes));
    const place = { at, path: `environments[${index}]` };
    plan.changes.push({ step: stepOf({ kind: "set", id, name, settings: { replicaAgeMsMax } }), place });
  }
  return plan;
}

function stepOf(command: EnvironmentCommand): AnyStep {
  return { decider: environmentDecider, id: command.id, command };
}
