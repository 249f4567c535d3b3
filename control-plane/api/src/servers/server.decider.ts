// Upstream MCP servers: registered, changed, retired. Headers refer to secrets, which then cannot be erased; the values are
// never here. A server is judged whole after every change, by the rules that the configuration file knows, too.

import { create } from "@bufbuild/protobuf";
import { accept, assertNever, refuse, type Decider } from "@tollgate/kernel/decider";
import { isName, nameRule, scopeOf } from "@tollgate/kernel/ids";
import { limits } from "@tollgate/kernel/limits";
import { headerNameProblem, headerValueProblem, urlProblem } from "@tollgate/kernel/server-rules";
import {
  ServerChangedSchema,
  ServerRegisteredSchema,
  ServerRetiredSchema,
  type ServerChanged,
  type ServerRegistered,
  type ServerRetired,
} from "@tollgate/schema/events";
import { ServerHeaderSchema, type Server } from "@tollgate/schema/resources";
import { invalidInput, type AlreadyExists, type InvalidInput, type NotFound } from "../refusals.ts";

export type HeaderReference = { name: string; prefix: string; secretId: string };

export type ServerSettings = {
  url: string;
  headers: readonly HeaderReference[];
  timeoutSeconds: number;
  allowPrivateNetwork: boolean;
};

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
        const changed = create(ServerChangedSchema, { server: { ...server, ...stored(settings) } });
        return accept([changed], { refer: secretsOf(settings) });
      }
      case "retire":
        return accept([create(ServerRetiredSchema, { server })], { release: true });
      default:
        return assertNever(command);
    }
  },
};

export function settingsOf({ url, headers, timeoutSeconds, allowPrivateNetwork }: Server): ServerSettings {
  return {
    url,
    headers: headers.map(({ name, prefix, secretId }) => ({ name, prefix, secretId })),
    timeoutSeconds,
    allowPrivateNetwork,
  };
}

export function sameSettings(a: ServerSettings, b: ServerSettings): boolean {
  return (
    a.url === b.url &&
    a.timeoutSeconds === b.timeoutSeconds &&
    a.allowPrivateNetwork === b.allowPrivateNetwork &&
    sameHeaders(a.headers, b.headers)
  );
}

export function sameHeaders(a: readonly HeaderReference[], b: readonly HeaderReference[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, prefix, secretId }, index) => {
      const other = b[index];
      return name === other?.name && prefix === other.prefix && secretId === other.secretId;
    })
  );
}

function stored({ headers, ...rest }: ServerSettings) {
  return { ...rest, headers: headers.map((header) => create(ServerHeaderSchema, header)) };
}

function secretsOf({ headers }: ServerSettings): string[] {
  return headers.map(({ secretId }) => scopeOf("secret", secretId));
}

function settingsProblem({ url, headers, timeoutSeconds }: ServerSettings): InvalidInput | undefined {
  const aboutUrl = urlProblem(url);
  if (aboutUrl !== undefined) return invalidInput("url", aboutUrl);
  const max = limits.serverTimeoutSecondsMax;
  if (!Number.isSafeInteger(timeoutSeconds) || timeoutSeconds < 1 || timeoutSeconds > max)
    return invalidInput("timeoutSeconds", `is not a whole number from 1 to ${max}`);
  return headersProblem(headers);
}

function headersProblem(headers: readonly HeaderReference[]): InvalidInput | undefined {
  if (headers.length > limits.headersPerServerMax)
    return invalidInput("headers", `has more than ${limits.headersPerServerMax} headers`);
  const taken = new Set<string>();
  for (const [index, { name, prefix }] of headers.entries()) {
    const field = `headers[${index}]`;
    const aboutName = headerNameProblem(name);
    if (aboutName !== undefined) return invalidInput(`${field}.name`, aboutName);
    if (taken.has(name.toLowerCase())) return invalidInput(`${field}.name`, "is there twice");
    taken.add(name.toLowerCase());
    // The value stands behind it: a prefix may end with a space.
    const aboutPrefix = headerValueProblem(`${prefix}x`);
    if (aboutPrefix !== undefined) return invalidInput(`${field}.prefix`, aboutPrefix);
  }
  return undefined;
}
