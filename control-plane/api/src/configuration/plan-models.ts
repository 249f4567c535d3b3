// The model aliases of a file against those that there are.

import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { AnyStep } from "../log/handle.ts";
import { modelAliasDecider, sameTargets, type ModelAliasCommand } from "../model-aliases/model-alias.decider.ts";
import { pruned, type KindPlan, type Planning } from "./planning.ts";

export function planModels(planning: Planning, providerId: (name: string) => string): KindPlan {
  const { configuration, current, randomBytes } = planning;
  const both = { there: current.modelAliases, wanted: configuration.modelAliases };
  const gone = pruned(planning, "model-alias", both, ({ id }) => [stepOf({ kind: "retire", id })]);
  const plan: KindPlan = { items: [], changes: [], ...gone };
  for (const [index, { name, at, targets: wanted }] of configuration.modelAliases.entries()) {
    const former = current.modelAliases.get(name);
    const targets = wanted.map(({ provider, model }) => ({ providerId: providerId(provider), model }));
    const fields = former && !sameTargets(targets, former.targets) ? ["targets"] : [];
    const action = former === undefined ? "create" : fields.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "model-alias", name, fields });
    if (action === "none") continue;
    const id = former?.id ?? idFromBytes(randomBytes(idBytes));
    const step = stepOf(former ? { kind: "change", id, targets } : { kind: "create", id, name, targets });
    plan.changes.push({ step, place: { at, path: `models[${index}]` } });
  }
  return plan;
}

function stepOf(command: ModelAliasCommand): AnyStep {
  return { decider: modelAliasDecider, id: command.id, command };
}
