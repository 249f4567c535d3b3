// Deciders for the specs of the log: small enough to see through, over events of the real schema. The product's own
// deciders live in their feature folders and have specs of their own.

import { create } from "@bufbuild/protobuf";
import { accept, refuse, type Decider } from "@tollgate/kernel/decider";
import {
  KeyIssuedSchema,
  KeyRevokedSchema,
  ServerChangedSchema,
  ServerRegisteredSchema,
  ServerRetiredSchema,
  TeamCreatedSchema,
  TeamRetiredSchema,
  type KeyIssued,
  type KeyRevoked,
  type ServerChanged,
  type ServerRegistered,
  type ServerRetired,
  type TeamCreated,
  type TeamRetired,
} from "@tollgate/schema/events";
import type { Key, Server, Team } from "@tollgate/schema/resources";

type Absent = { kind: "absent" };
const absent: Absent = { kind: "absent" };

export type TeamCommand = { kind: "create"; id: string; name: string } | { kind: "retire" };

export const teams: Decider<Team | undefined, TeamCommand, TeamCreated | TeamRetired, Absent> = {
  stream: "team",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.TeamCreated" ? event.team : undefined),
  decide(command, team) {
    if (command.kind === "create")
      return accept([create(TeamCreatedSchema, { team: { id: command.id, name: command.name } })], {
        reserve: command.name,
      });
    return team ? accept([create(TeamRetiredSchema, { team })], { release: true }) : refuse(absent);
  },
};

export type KeyCommand = { kind: "issue"; id: string; name: string; teamId: string } | { kind: "revoke" };

export const keys: Decider<Key | undefined, KeyCommand, KeyIssued | KeyRevoked, Absent> = {
  stream: "key",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.KeyIssued" ? event.key : undefined),
  decide(command, key) {
    if (command.kind === "issue")
      return accept(
        [create(KeyIssuedSchema, { key: { id: command.id, name: command.name, teamId: command.teamId } })],
        { reserve: command.name, refer: [`team/${command.teamId}`] },
      );
    return key ? accept([create(KeyRevokedSchema, { key })], { release: true }) : refuse(absent);
  },
};

export type ServerCommand =
  | { kind: "register"; id: string; name: string; url: string }
  /** Each URL is one event. */
  | { kind: "move"; urls: readonly string[] }
  /** An event that depends on the state: a lost update would show. */
  | { kind: "count" }
  | { kind: "rename"; name: string }
  | { kind: "retire" };

export const servers: Decider<
  Server | undefined,
  ServerCommand,
  ServerRegistered | ServerChanged | ServerRetired,
  Absent
> = {
  stream: "server",
  initial: undefined,
  evolve: (_, event) => (event.$typeName === "tollgate.v1.ServerRetired" ? undefined : event.server),
  decide(command, server) {
    if (command.kind === "register") {
      const { id, name, url } = command;
      return accept([create(ServerRegisteredSchema, { server: { id, name, url } })], { reserve: name });
    }
    if (!server) return refuse(absent);
    switch (command.kind) {
      case "move":
        return accept(command.urls.map((url) => create(ServerChangedSchema, { server: { ...server, url } })));
      case "count": {
        const timeoutSeconds = server.timeoutSeconds + 1;
        return accept([create(ServerChangedSchema, { server: { ...server, timeoutSeconds } })]);
      }
      case "rename":
        return accept([create(ServerChangedSchema, { server: { ...server, name: command.name } })], {
          reserve: command.name,
        });
      case "retire":
        return accept([create(ServerRetiredSchema, { server })], { release: true });
    }
  },
};

export const meta = { actor: "system/spec", timeMs: 1_800_000_000_000 };

export function teamStep(id: string, name = id) {
  return { decider: teams, id, command: { kind: "create", id, name } as const };
}

export function keyStep(id: string, teamId: string, name = id) {
  return { decider: keys, id, command: { kind: "issue", id, name, teamId } as const };
}

export function serverStep(id: string, name = id, url = "http://localhost/") {
  return { decider: servers, id, command: { kind: "register", id, name, url } as const };
}

export function countStep(id: string) {
  return { decider: servers, id, command: { kind: "count" } as const };
}
