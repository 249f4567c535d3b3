// A replica made ready for requests: servers and providers by name, keys with their compiled grants. It is derived, never authoritative,
// and costs nothing until it is asked: a key is compiled at its first call and kept as long as its resource lives. A
// request reads one view once and passes it down; what it decided cannot be half of two states.

import {
  CustomerSchema,
  EnvironmentSchema,
  KeySchema,
  ModelAliasSchema,
  PolicySchema,
  PriceListSchema,
  ProviderSchema,
  SecretSchema,
  ServerSchema,
  TeamSchema,
  ToolApprovalSchema,
  ToolGroupSchema,
  UserSchema,
  type Customer,
  type Environment,
  type Key,
  type ModelAlias,
  type Provider,
  type Secret,
  type Server,
  type Team,
  type ToolApproval,
  type ToolGroup,
  type User,
} from "@tollgate/schema/resources";
import { fromBinary, isMessage, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { ErrorCode } from "./errors.ts";
import { allowedBy, bothOf, grantKinds, grantOf, type Grant } from "./grant.ts";
import type { KeyText } from "./key-format.ts";
import { bothModelGrants, modelGrantOf, type ModelGrant } from "./model-grant.ts";
import { policiesIn, type CompiledPolicy } from "./policy/in-force.ts";
import type { PublishedPrices } from "./tariff.ts";
import { refuses, type Entry, type KindState, type Replica } from "./replica.ts";
import type { GrantKind } from "./tool-pattern.ts";

/** Who makes a call. All that comes after authentication reads only this. */
export type Principal = {
  key: Key;
  team: Team;
  user: User | undefined;
  /** The team's. */
  customer: Customer | undefined;
  models: ModelGrant;
  /** What the call is marked with, as `project=apollo`, in order. */
  labels: readonly string[];
} & Grant;

const noLabels: readonly string[] = [];

export type Authenticated = { outcome: "principal"; principal: Principal } | { outcome: "refused"; code: ErrorCode };

export type View = {
  replica: Replica;
  serversByName: ReadonlyMap<string, Server>;
  environmentsByName: ReadonlyMap<string, Environment>;
  toolGroupsByName: ReadonlyMap<string, ToolGroup>;
  providersByName: ReadonlyMap<string, Provider>;
  modelAliasesByName: ReadonlyMap<string, ModelAlias>;
  priceList: PublishedPrices;
  /** Those in force, in the order in which they speak. What was not understood is among them, and refuses what it covers. */
  policies: readonly CompiledPolicy[];
  /** None, too, where something about it was not understood. */
  provider(this: void, id: string): Provider | undefined;
  secret(id: string): Secret | undefined;
};

/** The view of a replica; what did not change since `previous` is taken over from it. */
export function viewOf(replica: Replica, previous?: View): View {
  const kept = <T>(kind: string, was: T | undefined, make: (state: KindState | undefined) => T): T => {
    const state = replica.kinds.get(kind);
    return was !== undefined && previous?.replica.kinds.get(kind) === state ? was : make(state);
  };
  return {
    replica,
    serversByName: kept("server", previous?.serversByName, (state) => byName(state, ServerSchema)),
    environmentsByName: kept("environment", previous?.environmentsByName, (state) => byName(state, EnvironmentSchema)),
    toolGroupsByName: kept("tool-group", previous?.toolGroupsByName, (state) => byName(state, ToolGroupSchema)),
    providersByName: kept("provider", previous?.providersByName, (state) => byName(state, ProviderSchema)),
    modelAliasesByName: kept("model-alias", previous?.modelAliasesByName, (state) => byName(state, ModelAliasSchema)),
    priceList: priceListIn(replica),
    policies: policiesIn(replica, (entry) => decoded(entry, PolicySchema), previous),
    provider: (id) =>
      refuses(replica, "provider", id) ? undefined : resourceIn(replica, "provider", id, ProviderSchema),
    secret: (id) => (refuses(replica, "secret", id) ? undefined : resourceIn(replica, "secret", id, SecretSchema)),
  };
}

function byName<Named extends Message & { name: string }>(
  state: KindState | undefined,
  desc: GenMessage<Named>,
): ReadonlyMap<string, Named> {
  const found: Named[] = [];
  for (const entry of state?.entries.values() ?? []) found.push(decoded(entry, desc));
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(found.map((resource) => [resource.name, resource]));
}

/** There is one list. Nothing may be priced by the shipped one in place of one that says something not understood here. */
function priceListIn(replica: Replica): PublishedPrices {
  for (const scope of replica.refused.keys()) if (scope.startsWith("price-list/")) return "refused";
  for (const entry of replica.kinds.get("price-list")?.entries.values() ?? []) return decoded(entry, PriceListSchema);
  return undefined;
}

/** How old the view of an environment's proxies may be; `otherwise` where the environment does not say. */
export function replicaAgeMsMaxOf(view: View | undefined, environment: string, otherwise: number): number {
  const bound = view?.environmentsByName.get(environment)?.replicaAgeMsMax;
  return bound === undefined ? otherwise : Number(bound);
}

function resourceIn<Desc extends DescMessage>(
  replica: Replica,
  kind: string,
  id: string,
  desc: Desc,
): MessageShape<Desc> | undefined {
  const entry = replica.kinds.get(kind)?.entries.get(id);
  return entry && decoded(entry, desc);
}

/** At the first request that needs it, and kept as long as its entry: the same resource is the same object. */
const resources = new WeakMap<Entry, Message>();

export function decoded<Desc extends DescMessage>(entry: Entry, desc: Desc): MessageShape<Desc> {
  const known = resources.get(entry);
  if (known && isMessage(known, desc)) return known;
  const resource = fromBinary(desc, entry.bytes);
  resources.set(entry, resource);
  return resource;
}

/** Of a key that was sent: whose it is, and until when. */
type Known = { sha256: Uint8Array; untilMs: number; authenticated: Authenticated };

/**
 * Clients send the same key again, and while nothing changes it is the same principal's: to find that out took 3 % of a call. It
 * is kept by the replica that it was found in: a key's text, which a connection keeps, must not hold up a replica that is over.
 */
const lately = new WeakMap<Replica, WeakMap<KeyText, Known>>();

function keptFor(replica: Replica): WeakMap<KeyText, Known> {
  const kept = lately.get(replica) ?? new WeakMap<KeyText, Known>();
  lately.set(replica, kept);
  return kept;
}

/** `sha256` is the hash of the whole text that was sent. */
export function authenticate({ replica }: View, sent: KeyText, sha256: Uint8Array, nowMs: number): Authenticated {
  const known = lately.get(replica)?.get(sent);
  if (known?.sha256 === sha256 && nowMs < known.untilMs) return known.authenticated;
  if (sent.kind === "adm") return refused("auth.admin-token-on-proxy");
  if (refuses(replica, "key", sent.id)) return refused("auth.scope-refused");
  const key = resourceIn(replica, "key", sent.id, KeySchema);
  if (!key) return refused("auth.key-unknown");
  // All secrets are compared, each in constant time, so that the answer's timing tells nothing of either.
  let secretUntilMs = Number.NEGATIVE_INFINITY;
  for (const secret of key.secrets) {
    const untilMs = numberOrNever(secret.validUntilMs);
    if (equalInConstantTime(secret.sha256, sha256) && untilMs > nowMs) secretUntilMs = Math.max(secretUntilMs, untilMs);
  }
  if (secretUntilMs <= nowMs) return refused("auth.key-unknown");
  const authenticated = admitted(replica, key, nowMs);
  const untilMs = Math.min(secretUntilMs, numberOrNever(key.expiresAtMs));
  if (authenticated.outcome === "principal") keptFor(replica).set(sent, { sha256, untilMs, authenticated });
  return authenticated;
}

/** Until when something holds that is not bounded where nothing is said. */
function numberOrNever(untilMs: bigint | undefined): number {
  return untilMs === undefined ? Number.POSITIVE_INFINITY : Number(untilMs);
}

/** Who a key's calls would be made by, for whoever has a right to ask without its secret. */
export function principalOfKey({ replica }: View, keyId: string, nowMs: number): Authenticated {
  if (refuses(replica, "key", keyId)) return refused("auth.scope-refused");
  const key = resourceIn(replica, "key", keyId, KeySchema);
  return key ? admitted(replica, key, nowMs) : refused("auth.key-unknown");
}

function admitted(replica: Replica, key: Key, nowMs: number): Authenticated {
  if (key.expiresAtMs !== undefined && Number(key.expiresAtMs) <= nowMs) return refused("auth.key-expired");
  const team = levelIn(replica, "team", key.teamId, TeamSchema);
  if (!team) return refused("auth.scope-refused");
  const user = key.userId === "" ? undefined : levelIn(replica, "user", key.userId, UserSchema);
  const customer = team.customerId === "" ? undefined : levelIn(replica, "customer", team.customerId, CustomerSchema);
  // A level that is named and not there must not be one that says nothing.
  if ((key.userId !== "" && !user) || (team.customerId !== "" && !customer)) return refused("auth.scope-refused");
  return { outcome: "principal", principal: principalOf(replica, { key, team, user, customer }) };
}

function levelIn<Desc extends DescMessage>(
  replica: Replica,
  kind: string,
  id: string,
  desc: Desc,
): MessageShape<Desc> | undefined {
  return refuses(replica, kind, id) ? undefined : resourceIn(replica, kind, id, desc);
}

function refused(code: ErrorCode): Authenticated {
  return { outcome: "refused", code };
}

/** Of whom a call is: a key, and what bounds it. */
type Levels = Pick<Principal, "key" | "team" | "user" | "customer">;

/** A principal is as good as all that it was made of: another level, or another state of a group, makes another one. */
type Made = { principal: Principal; groups: readonly (ToolGroup | undefined)[] };

const principals = new WeakMap<Key, Made>();

function isStill({ principal, groups }: Made, replica: Replica, { key, team, user, customer }: Levels): boolean {
  if (principal.team !== team || principal.user !== user || principal.customer !== customer) return false;
  if (groups.length === 0) return true;
  return groupsOf(replica, { key, team, user, customer }).every((group, index) => group === groups[index]);
}

function groupsOf(replica: Replica, { key, team, user, customer }: Levels): (ToolGroup | undefined)[] {
  return [customer, team, user, key].flatMap((level) => level?.toolGroupIds.map((id) => groupIn(replica, id)) ?? []);
}

function principalOf(replica: Replica, levels: Levels): Principal {
  const { key, team, user, customer } = levels;
  const known = principals.get(key);
  if (known && isStill(known, replica, levels)) return known.principal;
  // What bounds is joined first and the key's own last, so that keys of the same team share all but the end of it.
  const bounds = [customer, team, user].filter((bound) => bound !== undefined);
  const tools = bounds.filter((bound) => bound.tools.length + bound.toolGroupIds.length > 0);
  const models = bounds.filter((bound) => bound.models.length > 0);
  const principal: Principal = {
    ...levels,
    labels: noLabels,
    models: [...models, key].map((level) => modelGrantOf(level.models)).reduce(bothModelGrants),
    ...[...tools, key].map((level) => grantOf(patternsOf(replica, level))).reduce(bothOf),
  };
  principals.set(key, { principal, groups: groupsOf(replica, levels) });
  return principal;
}

/** A group that is not there, or about which something was not understood, is none. */
function groupIn(replica: Replica, id: string): ToolGroup | undefined {
  return refuses(replica, "tool-group", id) ? undefined : resourceIn(replica, "tool-group", id, ToolGroupSchema);
}

function patternsOf(replica: Replica, { tools, toolGroupIds }: Pick<Key, "tools" | "toolGroupIds">): string[] {
  return [...tools, ...toolGroupIds.flatMap((id) => groupIn(replica, id)?.tools ?? [])];
}

const narrowings = new WeakMap<Principal, WeakMap<ToolGroup, Principal>>();
const nothing = grantOf([]);

/** The principal at a group's endpoint: what it reaches that the group holds, too. Of a group that refuses, nothing. */
export function narrowed(view: View, principal: Principal, group: ToolGroup): Principal {
  if (groupIn(view.replica, group.id) !== group) return { ...principal, ...nothing };
  const ofPrincipal = narrowings.get(principal) ?? new WeakMap<ToolGroup, Principal>();
  narrowings.set(principal, ofPrincipal);
  const known = ofPrincipal.get(group);
  if (known) return known;
  const narrow: Principal = { ...principal, ...bothOf(principal, grantOf(group.tools)) };
  ofPrincipal.set(group, narrow);
  return narrow;
}

function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** The one question that lists and calls ask. A server whose scope refuses is hidden like one that does not exist. */
export function reachable(
  view: View,
  principal: Principal,
  kind: GrantKind,
  server: string,
  name: string,
): Server | undefined {
  const found = serverIn(view, server);
  return found && allowedBy(principal, kind, server, name) ? found : undefined;
}

export function reachableServer(view: View, principal: Principal, server: string, tool: string): Server | undefined {
  return reachable(view, principal, "tool", server, tool);
}

/**
 * Whether a principal could reach any tool, prompt or resource of a server, whatever it has. Where not, nobody may make the
 * gate talk to it on the key's behalf, not even to look a name up: that alone would tell that it is there.
 */
export function reachesServer(view: View, principal: Principal, server: string): boolean {
  return serverIn(view, server) !== undefined && grantKinds.some((kind) => principal.reaches(kind, server));
}

function serverIn(view: View, name: string): Server | undefined {
  const found = view.serversByName.get(name);
  return found && refuses(view.replica, "server", found.id) ? undefined : found;
}

const approvalIndexes = new WeakMap<KindState, ReadonlyMap<string, ReadonlyMap<string, ToolApproval>>>();

/** Whether a tool's definition, by the SHA-256 of its canonical text, is the one that was approved. */
export function isApproved(view: View, server: Pick<Server, "id">, tool: string, sha256: Uint8Array): boolean {
  const approval = approvalsOf(view.replica.kinds.get("tool-approval")).get(server.id)?.get(tool);
  if (!approval || refuses(view.replica, "tool-approval", approval.id)) return false;
  return sha256.length > 0 && equalInConstantTime(approval.definitionSha256, sha256);
}

function approvalsOf(state: KindState | undefined): ReadonlyMap<string, ReadonlyMap<string, ToolApproval>> {
  if (!state) return new Map();
  const known = approvalIndexes.get(state);
  if (known) return known;
  const index = new Map<string, Map<string, ToolApproval>>();
  for (const entry of state.entries.values()) {
    const approval = decoded(entry, ToolApprovalSchema);
    const ofServer = index.get(approval.serverId) ?? new Map<string, ToolApproval>();
    index.set(approval.serverId, ofServer.set(approval.name, approval));
  }
  approvalIndexes.set(state, index);
  return index;
}
