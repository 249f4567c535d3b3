// The tool groups of a file against those that there are.

import { groupEras, namings } from "@tollgate/kernel/configuration/tool-group";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import {
  sameToolGroup,
  toolGroupDecider,
  toolGroupSettings,
  type ToolGroupCommand,
  type ToolGroupSettings,
} from "../tool-groups/tool-group.decider.ts";
import type { FilePlace, PlanItem, PlannedStep, Planning } from "./planning.ts";

export type ToolGroupsPlan = {
  items: PlanItem[];
  changes: PlannedStep[];
  retired: PlanItem[];
  retires: PlannedStep[];
  /** Of groups that are there or will be. */
  idsOf: (names: readonly string[]) => string[];
};

export function planToolGroups({ configuration, current, prune, randomBytes }: Planning): ToolGroupsPlan {
  const ids = new Map([...current.toolGroups].map(([name, { id }]) => [name, id]));
  const plan: Omit<ToolGroupsPlan, "idsOf"> = { items: [], changes: [], retired: [], retires: [] };
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
    plan.changes.push(
      stepOf(former ? { kind: "change", id, settings } : { kind: "create", id, name, ...settings }, place),
    );
  }
  const named = new Set(configuration.toolGroups.map(({ name }) => name));
  for (const { id, name } of prune ? current.toolGroups.values() : []) {
    if (named.has(name)) continue;
    plan.retires.push(stepOf({ kind: "retire", id }, undefined));
    plan.retired.push({ action: "retire", kind: "tool-group", name, fields: [] });
  }
  return { ...plan, idsOf: (names) => names.flatMap((name) => ids.get(name) ?? []) };
}

function differencesOf(settings: ToolGroupSettings, former: ToolGroupSettings): string[] {
  const isSame = (field: keyof ToolGroupSettings) => sameToolGroup({ ...former, [field]: settings[field] }, former);
  return (["tools", "naming", "eras"] as const).filter((field) => !isSame(field));
}

function stepOf(command: ToolGroupCommand, place: FilePlace | undefined): PlannedStep {
  return { step: { decider: toolGroupDecider, id: command.id, command }, place };
}
