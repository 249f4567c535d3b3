// Environments: what holds for the proxies that are started for one, by its name. It is set as a whole: what is not given is
// not said, and each proxy's own setting holds. A proxy may be started for one that nobody has set; nothing refers to it.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import {
  EnvironmentRetiredSchema,
  EnvironmentSetSchema,
  type EnvironmentRetired,
  type EnvironmentSet,
} from "@tollgate/schema/events";
import type { Environment } from "@tollgate/schema/resources";
import { invalidInput, type InvalidInput, type NotFound } from "../refusals.ts";

export type EnvironmentSettings = { replicaAgeMsMax: bigint | undefined };

export type EnvironmentCommand =
  { kind: "set"; id: string; name: string; settings: EnvironmentSettings } | { kind: "retire"; id: string };

export type EnvironmentRefusal = InvalidInput | NotFound;

export const environmentDecider: Decider<
  Environment | undefined,
  EnvironmentCommand,
  EnvironmentSet | EnvironmentRetired,
  EnvironmentRefusal
> = {
  stream: "environment",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.EnvironmentRetired" ? undefined : event.environment),
  decide(command, environment) {
    switch (command.kind) {
      case "set": {
        const { id, name, settings } = command;
        if (!isName(name)) return refuse(invalidInput("name", `is not a name: ${nameRule}`));
        const { replicaAgeMsMax } = settings;
        const { replicaAgeMsMaxMin: min, replicaAgeMsMaxMax: max } = limits;
        if (replicaAgeMsMax !== undefined && (replicaAgeMsMax < min || replicaAgeMsMax > max))
          return refuse(invalidInput("replicaAgeMsMax", `is not from ${min} to ${max}`));
        if (environment?.name === name && environment.replicaAgeMsMax === replicaAgeMsMax) return accept([]);
        const set = { id, name, ...(replicaAgeMsMax === undefined ? {} : { replicaAgeMsMax }) };
        return accept([create(EnvironmentSetSchema, { environment: set })], { reserve: name });
      }
      case "retire":
        if (!environment) return refuse({ kind: "not-found", scope: scopeOf("environment", command.id) });
        return accept([create(EnvironmentRetiredSchema, { environment })], { release: true });
      default:
        return assertNever(command);
    }
  },
};
