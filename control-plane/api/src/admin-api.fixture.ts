// The admin API for specs: a database of its own, every projection, a clock that the spec moves, and HTTP on a free port.
// It is the same composition as in `main.ts`, without proxies, Kafka and bootstrap; the one token is issued directly.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSchema, isUnionType, type GraphQLSchema } from "graphql";
import { AdminClient } from "../../../test/support/admin-client.ts";
import { createDatabase } from "../../../test/support/database.ts";
import { adminTokenDecider } from "./admin-tokens/admin-token.decider.ts";
import { loadConfig } from "./config.ts";
import { openDatabase } from "./database.ts";
import { openAuthority } from "./enrolment/authority.ts";
import { openKeyring } from "./keyring/keyring.ts";
import { createHealth } from "./health/health.ts";
import { createEvidence } from "./sync/evidence.ts";
import { startHttp } from "./http.ts";
import { newKeyText } from "./keys/key-text.ts";
import { listedKinds } from "./listing/listed-kinds.ts";
import { openLog } from "./log-output.ts";
import { handle } from "./log/handle.ts";
import { openWake } from "./log/wake.ts";
import type { Plane } from "./plane.ts";
import { replicaProjection } from "./projections/replica.ts";
import { startProjections } from "./projections/runner.ts";
import { fingerprintWith } from "./repeats/fingerprint.ts";
import { openSecretStore } from "./secrets/secret-store.ts";

export type Mutated = { __typename: string; position?: string } & Record<string, unknown>;

export type AdminApi = {
  url: string;
  adminUrl: string;
  databaseUrl: string;
  plane: Plane;
  /** As it is written, without resolvers. */
  schema: GraphQLSchema;
  admin: AdminClient;
  /** One mutation with its input, or its id: the member of its union, with all that a refusal says. */
  mutate(mutation: string, input: object | string, fields: string): Promise<Mutated>;
  adminToken: string;
  /** What the process would have written to standard error. */
  logged: () => string;
  /** Moves the clock. */
  passMs(ms: number): void;
  close(): Promise<void>;
};

export async function startAdminApi(hint: string, environment: Record<string, string> = {}): Promise<AdminApi> {
  const own = await createDatabase(hint);
  const database = await openDatabase({ url: own.url, entities: listedKinds.map(({ entity }) => entity) });
  const wake = await openWake(database);
  const projections = await startProjections({
    ...{ database, wake },
    projections: [replicaProjection, ...listedKinds.map(({ projection }) => projection)],
  });
  let passedMs = 0;
  let logged = "";
  const masterKey = randomBytes(32);
  const plane: Plane = {
    ...{ database, projections, randomBytes },
    secretStore: openSecretStore(masterKey),
    authority: await openAuthority({ database, masterKey, nowMs: Date.now, certificateMs: 86_400_000 }),
    keyring: openKeyring({ database, masterKey, nowMs: Date.now }),
    fingerprint: fingerprintWith(masterKey),
    nowMs: () => Date.now() + passedMs,
    // The product's own rule, over an environment of the spec's.
    resolveSecretVariable: loadConfig({ ...required(own.url), ...environment }).secretVariable,
    log: openLog("info", (line) => (logged += line)),
  };
  const { id, text, sha256 } = newKeyText(randomBytes, "adm");
  const command = { kind: "issue", id, name: "spec", sha256, expiresAtMs: undefined, timeMs: plane.nowMs() } as const;
  await handle(database, { decider: adminTokenDecider, id, command }, { actor: "system/spec", timeMs: plane.nowMs() });
  const health = createHealth({
    database,
    projections,
    relay: undefined,
    refusedBatches: { byCode: () => new Map() },
    evidence: createEvidence({ error: () => undefined }),
  });
  const http = await startHttp({ config: { host: "127.0.0.1", controlPort: 0, adminPort: 0 }, plane, health });
  const admin = new AdminClient(http.url, text);
  const schema = buildSchema(
    readFileSync(fileURLToPath(import.meta.resolve("@tollgate/schema/admin.graphql")), "utf8"),
  );
  return {
    ...{ url: http.url, adminUrl: http.adminUrl, databaseUrl: own.url, plane, adminToken: text, admin, schema },
    mutate: (mutation, input, fields) => mutate({ admin, schema }, mutation, input, fields),
    logged: () => logged,
    passMs: (ms) => (passedMs += ms),
    async close() {
      await http.close();
      await projections.close();
      await wake.close();
      await database.close();
      await own.drop();
    },
  };
}

const refusalFields: Readonly<Record<string, string>> = {
  InvalidInput: "field",
  NotFound: "scope",
  NameTaken: "name",
  InUse: "by",
  ReferenceMissing: "scope",
  AlreadyRevoked: "revokedAt",
  ProxyConnected: "lastHeardAt",
  NothingLent: "proxyId",
};

async function mutate(
  { admin, schema }: Pick<AdminApi, "admin" | "schema">,
  mutation: string,
  input: object | string,
  fields: string,
): Promise<Mutated> {
  const name = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}`;
  const union = schema.getType(`${name}Result`);
  const refusals = (isUnionType(union) ? union.getTypes() : []).flatMap((member) =>
    member.name === `${name}Succeeded` ? [] : `... on ${member.name} { message ${refusalFields[member.name] ?? ""} }`,
  );
  const [type, argument] = typeof input === "string" ? ["ID!", "id"] : [`${name}Input!`, "input"];
  const { result } = await admin.run<{ result: Mutated }>(
    `mutation ($input: ${type}) { result: ${mutation}(${argument}: $input) {
      __typename ... on ${name}Succeeded { position ${fields} } ${refusals.join(" ")} } }`,
    { input },
  );
  return result;
}

function required(databaseUrl: string): Record<string, string> {
  return { TOLLGATE_DATABASE_URL: databaseUrl };
}
