// Tool groups: patterns under a name, granted together, and an endpoint of their own. A group is retired only when no key and no
// team refers to it; the log's name rows hold that. Its name is a part of a URL and never changes.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import {
  ToolGroupChangedSchema,
  ToolGroupCreatedSchema,
  ToolGroupRetiredSchema,
  type ToolGroupChanged,
  type ToolGroupCreated,
  type ToolGroupRetired,
} from "@tollgate/schema/events";
import { Era, ToolNaming, type ToolGroup } from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { sameList, toolsProblem } from "./granted-tools.ts";

export type ToolGroupSettings = {
  tools: readonly string[];
  naming: ToolNaming;
  /** None: both. */
  eras: readonly Era[];
};

export type ToolGroupCommand =
  | ({ kind: "create"; id: string; name: string } & ToolGroupSettings)
  /** What is absent stays. */
  | { kind: "change"; id: string; settings: Partial<ToolGroupSettings> }
  | { kind: "retire"; id: string };

export type ToolGroupEvent = ToolGroupCreated | ToolGroupChanged | ToolGroupRetired;
export type ToolGroupRefusal = InvalidInput | NotFound | AlreadyExists;

export const toolGroupDecider: Decider<ToolGroup | undefined, ToolGroupCommand, ToolGroupEvent, ToolGroupRefusal> = {
  stream: "tool-group",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.ToolGroupRetired" ? undefined : event.toolGroup),
  decide(command, group) {
    const scope = scopeOf("tool-group", command.id);
    if (command.kind === "create") {
      const { kind: _, id, name, ...settings } = command;
      if (group) return refuse({ kind: "already-exists", scope });
      const problem = isName(name) ? settingsProblem(settings) : invalidInput("name", `is not a name: ${nameRule}`);
      if (problem) return refuse(problem);
      return accept([create(ToolGroupCreatedSchema, { toolGroup: { id, name, ...stored(settings) } })], {
        reserve: name,
      });
    }
    if (!group) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const settings = { ...toolGroupSettings(group), ...command.settings };
        const problem = settingsProblem(settings);
        if (problem) return refuse(problem);
        if (sameToolGroup(settings, toolGroupSettings(group))) return accept([]);
        return accept([create(ToolGroupChangedSchema, { toolGroup: { ...group, ...stored(settings) } })]);
      }
      case "retire":
        return accept([create(ToolGroupRetiredSchema, { toolGroup: group })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

export function toolGroupSettings({ tools, naming, eras }: ToolGroup): ToolGroupSettings {
  return { tools, naming, eras };
}

export function sameToolGroup(a: ToolGroupSettings, b: ToolGroupSettings): boolean {
  const [one, other] = [stored(a), stored(b)];
  return sameList(one.tools, other.tools) && one.naming === other.naming && sameList(one.eras, other.eras);
}

/** What is meant where nothing is said is written as nothing, and both eras as none. */
function stored({ tools, naming, eras }: ToolGroupSettings) {
  const distinct = [Era.LEGACY, Era.MODERN].filter((era) => eras.includes(era));
  return {
    tools: [...tools],
    naming: naming === ToolNaming.AUTO ? ToolNaming.UNSPECIFIED : naming,
    eras: distinct.length === 1 ? distinct : [],
  };
}

function settingsProblem({ tools, eras }: ToolGroupSettings): InvalidInput | undefined {
  if (eras.includes(Era.UNSPECIFIED)) return invalidInput("eras", "has one that is none");
  return toolsProblem(tools, limits.toolPatternsPerGroupMax);
}
