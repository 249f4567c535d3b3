// Upstream MCP servers: registered, changed, retired. Headers and variables refer to secrets, which then cannot be erased; their
// values are never here. A server is judged whole after every change, by the rules that the configuration file knows, too:
// what belongs to an address is refused of a program, and the other way round.

import { create, equals } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { requiring, serverFeatures } from "@tollgate/kernel/features";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import {
  ServerChangedSchema,
  ServerRegisteredSchema,
  ServerRetiredSchema,
  type ServerChanged,
  type ServerRegistered,
  type ServerRetired,
} from "@tollgate/schema/events";
import {
  Era,
  ServerCatalogue,
  ServerHeaderSchema,
  ServerIsolation,
  ServerSchema,
  ServerTransport,
  ServerVariableSchema,
  type Server,
} from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";
import { settingsProblem } from "./server-problems.ts";

export type HeaderReference = { name: string; prefix: string; secretId: string };

/** In clear, or as a prefix and a secret. */
export type VariableReference = { name: string; prefix: string; secretId: string; value: string };

export type ServerSettings = {
  transport: ServerTransport;
  /** Empty for stdio; so are headers. */
  url: string;
  headers: readonly HeaderReference[];
  allowPrivateNetwork: boolean;
  /** Empty but for stdio; so are the next two. */
  command: readonly string[];
  environment: readonly VariableReference[];
  workingDirectory: string;
  timeoutSeconds: number;
  era: Era;
  isolation: ServerIsolation;
  catalogue: ServerCatalogue;
};

export const usualSettings = {
  transport: ServerTransport.STREAMABLE_HTTP,
  ...{ url: "", headers: [], allowPrivateNetwork: false, command: [], environment: [], workingDirectory: "" },
  timeoutSeconds: 60,
  era: Era.UNSPECIFIED,
  isolation: ServerIsolation.UNSPECIFIED,
  catalogue: ServerCatalogue.AUTO,
} as const satisfies ServerSettings;

export type ServerCommand =
  | ({ kind: "register"; id: string; name: string } & ServerSettings)
  /** What is absent stays. */
  | { kind: "change"; id: string; settings: Partial<ServerSettings> }
  | { kind: "retire"; id: string };

export type ServerEvent = ServerRegistered | ServerChanged | ServerRetired;
export type ServerRefusal = InvalidInput | NotFound | AlreadyExists;

export const serverDecider: Decider<Server | undefined, ServerCommand, ServerEvent, ServerRefusal> = {
  stream: "server",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.ServerRetired" ? undefined : event.server),
  decide(command, server) {
    const scope = scopeOf("server", command.id);
    if (command.kind === "register") {
      const { kind: _, id, name, ...settings } = command;
      if (server) return refuse({ kind: "already-exists", scope });
      const problem = isName(name) ? settingsProblem(settings) : invalidInput("name", `is not a name: ${nameRule}`);
      if (problem) return refuse(problem);
      const registered = create(ServerRegisteredSchema, { server: { id, name, ...stored(settings) } });
      return accept([registered], { reserve: name, refer: secretsOf(settings) });
    }
    if (!server) return refuse({ kind: "not-found", scope });
    switch (command.kind) {
      case "change": {
        const settings = { ...settingsOf(server), ...command.settings };
        const problem = settingsProblem(settings);
        if (problem) return refuse(problem);
        if (sameSettings(settings, settingsOf(server))) return accept([]);
        const changed = create(ServerChangedSchema, { server: { ...server, ...stored(settings, server.requires) } });
        return accept([changed], { refer: secretsOf(settings) });
      }
      case "retire":
        return accept([create(ServerRetiredSchema, { server })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

export function settingsOf({
  $typeName: _,
  $unknown: __,
  id: ___,
  name: ____,
  requires: _____,
  ...settings
}: Server): ServerSettings {
  return settings;
}

export function sameSettings(a: ServerSettings, b: ServerSettings): boolean {
  return equals(ServerSchema, create(ServerSchema, stored(a)), create(ServerSchema, stored(b)));
}

/** What is meant where nothing is said is written as nothing: such a server has the bytes that it always had. */
function stored(settings: ServerSettings, former: readonly string[] = []) {
  const { transport, catalogue, headers, environment, command } = settings;
  const fields = {
    ...settings,
    transport: transport === ServerTransport.STREAMABLE_HTTP ? ServerTransport.UNSPECIFIED : transport,
    catalogue: catalogue === ServerCatalogue.AUTO ? ServerCatalogue.UNSPECIFIED : catalogue,
    command: [...command],
    headers: headers.map(({ name, prefix, secretId }) => create(ServerHeaderSchema, { name, prefix, secretId })),
    environment: environment.map(({ name, prefix, secretId, value }) =>
      create(ServerVariableSchema, { name, prefix, secretId, value }),
    ),
  };
  return { ...fields, requires: requiring(former, serverFeatures(fields)) };
}

function secretsOf({ headers, environment }: ServerSettings): string[] {
  const ids = [...headers, ...environment].flatMap(({ secretId }) => (secretId === "" ? [] : [secretId]));
  return [...new Set(ids)].map((id) => scopeOf("secret", id));
}
