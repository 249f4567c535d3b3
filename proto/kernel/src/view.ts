// A replica made ready for requests: servers by name, keys with their compiled grants. It is derived, never authoritative,
// and costs nothing until it is asked: a key is compiled at its first call and kept as long as its resource lives. A
// request reads one view once and passes it down; what it decided cannot be half of two states.

import {
  EnvironmentSchema,
  KeySchema,
  SecretSchema,
  ServerSchema,
  TeamSchema,
  type Environment,
  type Key,
  type Secret,
  type Server,
  type Team,
} from "@tollgate/schema/resources";
import { fromBinary, isMessage, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { ErrorCode } from "./errors.ts";
import type { KeyText } from "./key-format.ts";
import type { Entry, KindState, Replica } from "./replica.ts";
import { toolMatcher, type ToolMatcher } from "./tool-pattern.ts";

/** Who makes a call. All that comes after authentication reads only this. */
export type Principal = { key: Key; team: Team; allows: ToolMatcher };

export type Authenticated = { outcome: "principal"; principal: Principal } | { outcome: "refused"; code: ErrorCode };

export type View = {
  replica: Replica;
  serversByName: ReadonlyMap<string, Server>;
  environmentsByName: ReadonlyMap<string, Environment>;
  secret(id: string): Secret | undefined;
};

/** The view of a replica; what did not change since `previous` is taken over from it. */
export function viewOf(replica: Replica, previous?: View): View {
  const [servers, environments] = [replica.kinds.get("server"), replica.kinds.get("environment")];
  const before = previous?.replica.kinds;
  return {
    replica,
    serversByName:
      previous && before?.get("server") === servers ? previous.serversByName : byName(servers, ServerSchema),
    environmentsByName:
      previous && before?.get("environment") === environments
        ? previous.environmentsByName
        : byName(environments, EnvironmentSchema),
    secret: (id) => (replica.refused.has(`secret/${id}`) ? undefined : resourceIn(replica, "secret", id, SecretSchema)),
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

function decoded<Desc extends DescMessage>(entry: Entry, desc: Desc): MessageShape<Desc> {
  const known = resources.get(entry);
  if (known && isMessage(known, desc)) return known;
  const resource = fromBinary(desc, entry.bytes);
  resources.set(entry, resource);
  return resource;
}

/** `sha256` is the hash of the whole text that was sent. */
export function authenticate(view: View, sent: KeyText, sha256: Uint8Array, nowMs: number): Authenticated {
  const { replica } = view;
  if (sent.kind === "adm") return refused("auth.admin-token-on-proxy");
  if (replica.refused.has(`key/${sent.id}`)) return refused("auth.scope-refused");
  const key = resourceIn(replica, "key", sent.id, KeySchema);
  if (!key) return refused("auth.key-unknown");
  // All secrets are compared, each in constant time, so that the answer's timing tells nothing of either.
  let known = false;
  for (const secret of key.secrets) {
    const isCurrent = secret.validUntilMs === undefined || Number(secret.validUntilMs) > nowMs;
    if (equalInConstantTime(secret.sha256, sha256) && isCurrent) known = true;
  }
  if (!known) return refused("auth.key-unknown");
  if (key.expiresAtMs !== undefined && Number(key.expiresAtMs) <= nowMs) return refused("auth.key-expired");
  if (replica.refused.has(`team/${key.teamId}`)) return refused("auth.scope-refused");
  const team = resourceIn(replica, "team", key.teamId, TeamSchema);
  if (!team) return refused("auth.scope-refused");
  return { outcome: "principal", principal: principalOf(key, team) };
}

function refused(code: ErrorCode): Authenticated {
  return { outcome: "refused", code };
}

const principals = new WeakMap<Key, Principal>();

function principalOf(key: Key, team: Team): Principal {
  const known = principals.get(key);
  if (known?.team === team) return known;
  const principal = { key, team, allows: toolMatcher(key.tools) };
  principals.set(key, principal);
  return principal;
}

function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** The one question that lists and calls ask. A server whose scope refuses is hidden like one that does not exist. */
export function reachableServer(view: View, principal: Principal, server: string, tool: string): Server | undefined {
  const found = view.serversByName.get(server);
  if (!found || view.replica.refused.has(`server/${found.id}`)) return undefined;
  return principal.allows(server, tool) ? found : undefined;
}

/**
 * Whether a key could reach any tool of a server, whatever tools it has. Where not, nobody may make the gate talk to it on
 * the key's behalf, not even to look a name up: that alone would tell that it is there.
 */
export function reachesServer(view: View, principal: Principal, server: string): boolean {
  const found = view.serversByName.get(server);
  if (!found || view.replica.refused.has(`server/${found.id}`)) return false;
  return serverMatcher(principal)(server);
}

const serverMatchers = new WeakMap<Principal, (server: string) => boolean>();

/** Of a pattern only what it says of the server counts. */
function serverMatcher(principal: Principal): (server: string) => boolean {
  const known = serverMatchers.get(principal);
  if (known) return known;
  const servers = principal.key.tools.map((pattern) => pattern.split("/")).filter(({ length }) => length > 1);
  const matches = toolMatcher(servers.map(([server]) => `${server}/any`));
  const matcher = (server: string) => matches(server, "any");
  serverMatchers.set(principal, matcher);
  return matcher;
}
