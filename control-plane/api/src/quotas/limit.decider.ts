// Limits of requests, tokens and calls at one time: created, changed, retired. A limit holds whom it is for, as a budget does.
// Whether a key is there is for the caller to find out.

import { create, equals } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { limitProblem, type LimitSettings } from "@tollgate/kernel/quotas/limit-rules";
import { scopeIn, storedScope } from "@tollgate/kernel/quotas/quota-scope";
import {
  LimitChangedSchema,
  LimitCreatedSchema,
  LimitRetiredSchema,
  type LimitChanged,
  type LimitCreated,
  type LimitRetired,
} from "@tollgate/schema/events";
import { LimitSchema, LimitWindow, type Limit } from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { heldBy } from "./quota-holders.ts";

export type LimitCommand =
  | { kind: "create"; id: string; name: string; settings: LimitSettings }
  /** What is absent stays. */
  | { kind: "change"; id: string; settings: Partial<LimitSettings> }
  | { kind: "retire"; id: string };

export type LimitEvent = LimitCreated | LimitChanged | LimitRetired;
export type LimitRefusal = InvalidInput | NotFound | AlreadyExists;

export const limitDecider: Decider<Limit | undefined, LimitCommand, LimitEvent, LimitRefusal> = {
  stream: "limit",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.LimitRetired" ? undefined : event.limit),
  decide(command, limit) {
    const scope = scopeOf("limit", command.id);
    if (command.kind === "create") {
      const { id, name, settings } = command;
      if (limit) return refuse({ kind: "already-exists", scope });
      const problem = isName(name) ? settingsProblem(settings) : invalidInput("name", `is not a name: ${nameRule}`);
      if (problem) return refuse(problem);
      const created = create(LimitCreatedSchema, { limit: { id, name, ...stored(settings) } });
      return accept([created], { reserve: name, refer: heldBy(settings.scope) });
    }
    if (!limit) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const former = limitSettingsOf(limit);
        // A former version of the software looks at what a later one wrote.
        if (!former) return refuse(invalidInput("scope", "is of a kind that is not known here"));
        const settings = { ...former, ...command.settings };
        const problem = settingsProblem(settings);
        if (problem) return refuse(problem);
        const next = create(LimitSchema, { ...limit, ...stored(settings) });
        if (equals(LimitSchema, next, limit)) return accept([]);
        return accept([create(LimitChangedSchema, { limit: next })], { refer: heldBy(settings.scope) });
      }
      case "retire":
        return accept([create(LimitRetiredSchema, { limit })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

function settingsProblem(settings: LimitSettings): InvalidInput | undefined {
  const found = limitProblem(settings);
  return found && invalidInput(found.field, found.problem);
}

/** What the limit says. */
export function limitSettingsOf(limit: Limit): LimitSettings | undefined {
  const { measure, amount, window, models, tools } = limit;
  const scope = scopeIn(limit.scope);
  return scope && { scope, measure, amount, window: windowIn(window), models, tools };
}

function windowIn(window: LimitWindow): LimitWindow | undefined {
  return window === LimitWindow.UNSPECIFIED ? undefined : window;
}

function stored({ scope, measure, amount, window, models, tools }: LimitSettings) {
  return {
    ...{ scope: storedScope(scope), measure, amount, window: window ?? LimitWindow.UNSPECIFIED },
    ...{ models: [...models], tools: [...tools] },
  };
}
