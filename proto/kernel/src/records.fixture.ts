// Histories for the specs: events as the records that carry them, and arbitrary ones over a handful of ids, so that a
// resource is changed, removed and made again within a few steps.

import { create, type Message } from "@bufbuild/protobuf";
import {
  AdminTokenIssuedSchema,
  KeyChangedSchema,
  KeyIssuedSchema,
  KeyRevokedSchema,
  SecretErasedSchema,
  SecretStoredSchema,
  ServerRegisteredSchema,
  ServerRetiredSchema,
  TeamCreatedSchema,
  TeamRetiredSchema,
} from "@tollgate/schema/events";
import { RecordSchema, type Record as LogRecord } from "@tollgate/schema/sync";
import fc from "fast-check";
import { encodeEvent, typeNamed } from "./catalogue.ts";

export type Written = { event: Message; scopes: string[] };

/** The records of commits that follow a position. */
export function recordsOf(commits: readonly (readonly Written[])[], after = 0n): LogRecord[] {
  let position = after;
  return commits.flatMap((events) => {
    const commit = position + BigInt(events.length);
    return events.map(({ event, scopes }) => {
      position += 1n;
      const { type, replicated } = typeNamed(event.$typeName);
      const body = replicated ? { body: encodeEvent(event) } : {};
      return create(RecordSchema, { position, commit, type, scopes, ...body });
    });
  });
}

export const events = {
  teamCreated: (id: string, name = id): Written => ({
    event: create(TeamCreatedSchema, { team: { id, name } }),
    scopes: [`team/${id}`],
  }),
  teamRetired: (id: string): Written => ({
    event: create(TeamRetiredSchema, { team: { id } }),
    scopes: [`team/${id}`],
  }),
  keyIssued: (id: string, fields: { teamId?: string; tools?: string[]; requires?: string[] } = {}): Written => ({
    event: create(KeyIssuedSchema, { key: { id, ...fields } }),
    scopes: [`key/${id}`, `team/${fields.teamId ?? "t"}`],
  }),
  keyChanged: (id: string, fields: { tools?: string[]; requires?: string[] } = {}): Written => ({
    event: create(KeyChangedSchema, { key: { id, ...fields } }),
    scopes: [`key/${id}`, "team/t"],
  }),
  keyRevoked: (id: string): Written => ({
    event: create(KeyRevokedSchema, { key: { id, revokedAtMs: 1n } }),
    scopes: [`key/${id}`, "team/t"],
  }),
  serverRegistered: (id: string, url: string): Written => ({
    event: create(ServerRegisteredSchema, { server: { id, name: id, url } }),
    scopes: [`server/${id}`],
  }),
  serverRetired: (id: string): Written => ({
    event: create(ServerRetiredSchema, { server: { id } }),
    scopes: [`server/${id}`],
  }),
  secretStored: (id: string, version: number): Written => ({
    event: create(SecretStoredSchema, { secret: { id, name: id, version } }),
    scopes: [`secret/${id}`],
  }),
  secretErased: (id: string): Written => ({
    event: create(SecretErasedSchema, { secret: { id } }),
    scopes: [`secret/${id}`],
  }),
  adminTokenIssued: (id: string): Written => ({
    event: create(AdminTokenIssuedSchema, { adminToken: { id, sha256: new Uint8Array(32) } }),
    scopes: [`admin-token/${id}`],
  }),
};

const id = fc.constantFrom("a", "b", "c", "d");
const requires: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<string[]>([]) },
  { weight: 1, arbitrary: fc.constant<string[]>(["unheard-of"]) },
);
const tools = fc.array(fc.constantFrom("s/*", "s/read", "x/y"), { maxLength: 2 });

const written: fc.Arbitrary<Written> = fc.oneof(
  fc.tuple(id, fc.string({ maxLength: 3 })).map(([team, name]) => events.teamCreated(team, name)),
  id.map(events.teamRetired),
  fc
    .tuple(id, tools, requires)
    .map(([key, patterns, needs]) => events.keyIssued(key, { tools: patterns, requires: needs })),
  fc
    .tuple(id, tools, requires)
    .map(([key, patterns, needs]) => events.keyChanged(key, { tools: patterns, requires: needs })),
  id.map(events.keyRevoked),
  fc.tuple(id, fc.webUrl()).map(([server, url]) => events.serverRegistered(server, url)),
  id.map(events.serverRetired),
  fc.tuple(id, fc.nat(9)).map(([secret, version]) => events.secretStored(secret, version)),
  id.map(events.secretErased),
  id.map(events.adminTokenIssued),
);

export const commits: fc.Arbitrary<Written[][]> = fc.array(fc.array(written, { minLength: 1, maxLength: 4 }), {
  maxLength: 30,
});
