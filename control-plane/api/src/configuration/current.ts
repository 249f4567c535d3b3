// What there is, by name, for comparing a file with it: the resources that proxies hold, at one position that is no older
// than the log's head when it was asked. What is revoked is not among them, so of the file's own keys the log is asked for
// it. Between this read and the commit others may write; the commit then refuses.

import { fromBinary } from "@bufbuild/protobuf";
import { fold } from "@tollgate/kernel/decider";
import { scopeOf } from "@tollgate/kernel/ids";
import {
  BudgetSchema,
  CustomerSchema,
  EnvironmentSchema,
  KeySchema,
  LimitSchema,
  ModelAliasSchema,
  PolicySchema,
  PriceListSchema,
  ProviderSchema,
  ServerSchema,
  TeamSchema,
  ToolApprovalSchema,
  ToolGroupSchema,
  UserSchema,
  type Budget,
  type Customer,
  type Environment,
  type Key,
  type Limit,
  type ModelAlias,
  type Policy,
  type PriceList,
  type Provider,
  type Server,
  type Team,
  type ToolGroup,
  type User,
} from "@tollgate/schema/resources";
import type { Sql } from "../database.ts";
import { keyDecider, type KeyEvent } from "../keys/key.decider.ts";
import { head, readStreams } from "../log/read.ts";
import { eventsFor } from "../log/record.ts";
import type { Plane } from "../plane.ts";
import { readResources } from "../projections/replica.ts";

export type CurrentState = {
  toolGroups: ReadonlyMap<string, ToolGroup>;
  customers: ReadonlyMap<string, Customer>;
  teams: ReadonlyMap<string, Team>;
  users: ReadonlyMap<string, User>;
  keys: ReadonlyMap<string, Key>;
  servers: ReadonlyMap<string, Server>;
  providers: ReadonlyMap<string, Provider>;
  modelAliases: ReadonlyMap<string, ModelAlias>;
  priceList: PriceList | undefined;
  environments: ReadonlyMap<string, Environment>;
  budgets: ReadonlyMap<string, Budget>;
  limits: ReadonlyMap<string, Limit>;
  policies: ReadonlyMap<string, Policy>;
  /** Ids, by the id of the server. */
  approvals: ReadonlyMap<string, readonly string[]>;
  /** Of the key ids that were asked about: those that were used and are over. */
  revokedKeyIds: ReadonlySet<string>;
};

const reachedMsMax = 10_000;

export async function readCurrent(
  { database, projections }: Pick<Plane, "database" | "projections">,
  keyIds: readonly string[],
): Promise<CurrentState> {
  const { position } = await head(database.sql);
  await projections.reached(position, reachedMsMax, "replica");
  const toolGroups = new Map<string, ToolGroup>();
  const customers = new Map<string, Customer>();
  const teams = new Map<string, Team>();
  const users = new Map<string, User>();
  const keys = new Map<string, Key>();
  const servers = new Map<string, Server>();
  const providers = new Map<string, Provider>();
  const modelAliases = new Map<string, ModelAlias>();
  let priceList: PriceList | undefined;
  const environments = new Map<string, Environment>();
  const budgets = new Map<string, Budget>();
  const limits = new Map<string, Limit>();
  const policies = new Map<string, Policy>();
  const approvals = new Map<string, string[]>();
  const readers: Readonly<Record<string, (body: Uint8Array) => void>> = {
    "tool-group": (body) => named(toolGroups, fromBinary(ToolGroupSchema, body)),
    customer: (body) => named(customers, fromBinary(CustomerSchema, body)),
    user: (body) => named(users, fromBinary(UserSchema, body)),
    team: (body) => named(teams, fromBinary(TeamSchema, body)),
    key: (body) => named(keys, fromBinary(KeySchema, body)),
    server: (body) => named(servers, fromBinary(ServerSchema, body)),
    provider: (body) => named(providers, fromBinary(ProviderSchema, body)),
    "model-alias": (body) => named(modelAliases, fromBinary(ModelAliasSchema, body)),
    "price-list"(body) {
      priceList = fromBinary(PriceListSchema, body);
    },
    "tool-approval"(body) {
      const { id, serverId } = fromBinary(ToolApprovalSchema, body);
      const ofServer = approvals.get(serverId);
      if (ofServer) ofServer.push(id);
      else approvals.set(serverId, [id]);
    },
    policy: (body) => named(policies, fromBinary(PolicySchema, body)),
    environment: (body) => named(environments, fromBinary(EnvironmentSchema, body)),
    budget: (body) => named(budgets, fromBinary(BudgetSchema, body)),
    limit: (body) => named(limits, fromBinary(LimitSchema, body)),
  };
  await readResources(database, async (page) => {
    for (const { kind, body } of page) readers[kind]?.(body);
  });
  const revokedKeyIds = await revokedAmong(database.sql, keyIds);
  const models = { providers, modelAliases, priceList };
  const others = { environments, budgets, limits, policies, approvals, revokedKeyIds };
  return { toolGroups, customers, teams, users, keys, servers, ...models, ...others };
}

async function revokedAmong(sql: Sql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const streams = await readStreams(
    sql,
    ids.map((id) => scopeOf("key", id)),
  );
  const isRevoked = (id: string): boolean => {
    const events = eventsFor<KeyEvent>("key", streams.get(scopeOf("key", id)) ?? []);
    return fold(keyDecider, events)?.revokedAtMs !== undefined;
  };
  return new Set(ids.filter(isRevoked));
}

function named<T extends { name: string }>(into: Map<string, T>, resource: T): void {
  into.set(resource.name, resource);
}
