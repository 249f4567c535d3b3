// The tool groups of a file against those that there are.

import { groupEras, namings } from "@tollgate/kernel/configuration/tool-group";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import type { AnyStep } from "../log/handle.ts";
import {
  sameToolGroup,
  toolGroupDecider,
  toolGroupSettings,
  type ToolGroupCommand,
  type ToolGroupSettings,
} from "../tool-groups/tool-group.decider.ts";
import { pruned, type KindPlan, type Planning } from "./planning.ts";

/** `idsOf` names are of groups that are there or will be. */
export type ToolGroupsPlan = KindPlan & { idsOf: (names: readonly string[]) => string[] };

export function planToolGroups(planning: Planning): ToolGroupsPlan {
  const { configuration, current, randomBytes } = planning;
  const both = { there: current.toolGroups, wanted: configuration.toolGroups };
  const gone = pruned(planning, "tool-group", both, ({ id }) => [stepOf({ kind: "retire", id })]);
  const ids = new Map([...current.toolGroups].map(([name, { id }]) => [name, id]));
  const plan: KindPlan = { items: [], changes: [], ...gone };
  for (const [index, { name, at, tools, ...words }] of configuration.toolGroups.entries()) {
    const former = current.toolGroups.get(name);
    const settings = { tools, naming: namings[words.naming], eras: words.eras.map((era) => groupEras[era]) };
    const fields = former ? differencesOf(settings, toolGroupSettings(former)) : [];
    const action = former === undefined ? "create" : fields.length > 0 ? "change" : "none";
    plan.items.push({ action, kind: "tool-group", name, fields });
    if (action === "none") continue;
    const id = former?.id ?? idFromBytes(randomBytes(idBytes));
    ids.set(name, id);
    const place = { at, path: `toolGroups[${index}]` };
    const step = stepOf(former ? { kind: "change", id, settings } : { kind: "create", id, name, ...settings });
    plan.changes.push({ step, place });
  }
  return { ...plan, idsOf: (names) => names.flatMap((name) => ids.get(name) ?? []) };
}

function differencesOf(settings: ToolGroupSettings, former: ToolGroupSettings): string[] {
  const isSame = (field: keyof ToolGroupSettings) => sameToolGroup({ ...former, [field]: settings[field] }, former);
  return (["tools", "naming", "eras"] as const).filter((field) => !isSame(field));
}

function stepOf(command: ToolGroupCommand): AnyStep {
  return { decider: toolGroupDecider, id: command.id, command };
}
