// Model aliases: another name for a model, so far for one. An alias holds the provider of its model, which then stays; that the
// provider is there is held by the log's name rows. Its name is what clients write and never changes.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { modelNameProblem } from "@tollgate/kernel/model-pattern";
import {
  ModelAliasChangedSchema,
  ModelAliasCreatedSchema,
  ModelAliasRetiredSchema,
  type ModelAliasChanged,
  type ModelAliasCreated,
  type ModelAliasRetired,
} from "@tollgate/schema/events";
import { ModelTargetSchema, type ModelAlias, type ModelTarget } from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";

/** `model` as the provider calls it. */
export type Target = { providerId: string; model: string };

export type ModelAliasCommand =
  | { kind: "create"; id: string; name: string; targets: readonly Target[] }
  | { kind: "change"; id: string; targets: readonly Target[] }
  | { kind: "retire"; id: string };

export type ModelAliasEvent = ModelAliasCreated | ModelAliasChanged | ModelAliasRetired;
export type ModelAliasRefusal = InvalidInput | NotFound | AlreadyExists;

export const modelAliasDecider: Decider<ModelAlias | undefined, ModelAliasCommand, ModelAliasEvent, ModelAliasRefusal> =
  {
    stream: "model-alias",
    initial: undefined,
    evolve: (_, event) => (event.$typeName === "tollgate.v1.ModelAliasRetired" ? undefined : event.modelAlias),
    decide(command, alias) {
      const scope = scopeOf("model-alias", command.id);
      if (command.kind === "create") {
        const { id, name, targets } = command;
        if (alias) return refuse({ kind: "already-exists", scope });
        const problem = isName(name) ? targetsProblem(targets) : invalidInput("name", `is not a name: ${nameRule}`);
        if (problem) return refuse(problem);
        const created = create(ModelAliasCreatedSchema, { modelAlias: { id, name, targets: stored(targets) } });
        return accept([created], { reserve: name, refer: providersOf(targets) });
      }
      if (!alias) return refuse({ kind: "not-found", scope });
      switch (command.kind) {
        case "change": {
          const { targets } = command;
          const problem = targetsProblem(targets);
          if (problem) return refuse(problem);
          if (sameTargets(targets, alias.targets)) return accept([]);
          const changed = create(ModelAliasChangedSchema, { modelAlias: { ...alias, targets: stored(targets) } });
          return accept([changed], { refer: providersOf(targets) });
        }
        case "retire":
          return accept([create(ModelAliasRetiredSchema, { modelAlias: alias })], { release: true });
        default:
          return assertNever(command);
      }
    },
  };

export function sameTargets(a: readonly Target[], b: readonly Target[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ providerId, model }, index) => providerId === b[index]?.providerId && model === b[index].model)
  );
}

function targetsProblem(targets: readonly Target[]): InvalidInput | undefined {
  const [target, ...more] = targets;
  if (!target || more.length > 0) return invalidInput("targets", "must be exactly one so far");
  const problem = modelNameProblem(target.model);
  return problem === undefined ? undefined : invalidInput("targets[0].model", problem);
}

function stored(targets: readonly Target[]): ModelTarget[] {
  return targets.map(({ providerId, model }) => create(ModelTargetSchema, { providerId, model }));
}

function providersOf(targets: readonly Target[]): string[] {
  return [...new Set(targets.map(({ providerId }) => scopeOf("provider", providerId)))];
}
