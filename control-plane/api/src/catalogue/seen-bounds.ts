// What a report about servers may hold, looked at before anything of it is stored. Proxies relay what servers say of themselves,
// which nobody has vouched for: what is only shown is cut to its bound, what would be wrong when it is cut refuses the whole
// report. Pure.

import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import { Era } from "@tollgate/schema/resources";
import { EntryKind, ServerState, type CatalogueSeen, type ServerSeen } from "@tollgate/schema/catalogue";

export type SeenEntry = { kind: string; name: string; sha256: Uint8Array };

export type SeenServer = {
  serverId: string;
  state: string;
  reason: string;
  since: Date;
  era: string;
  protocolVersion: string;
  name: string;
  version: string;
  instructions: string;
  listing: { listedAt: Date; entries: SeenEntry[] } | undefined;
};

const serversMax = 1_000;
const definitionsMax = 500;
const idCharsMax = 64;
const shownCharsMax = 500;
const instructionsCharsMax = 16 * 1024;
const hashBytes = 32;

export const states = {
  [ServerState.UNSPECIFIED]: "unknown",
  [ServerState.CONNECTED]: "connected",
  [ServerState.DEGRADED]: "degraded",
  [ServerState.UNREACHABLE]: "unreachable",
  [ServerState.NEEDS_AUTH]: "needs-auth",
  [ServerState.REFUSED]: "refused",
} as const satisfies Record<ServerState, string>;

export const kinds = {
  [EntryKind.TOOL]: "tool",
  [EntryKind.PROMPT]: "prompt",
  [EntryKind.RESOURCE]: "resource",
  [EntryKind.RESOURCE_TEMPLATE]: "resource-template",
} as const satisfies Partial<Record<EntryKind, string>>;

const eras: Readonly<Record<number, string>> = { [Era.LEGACY]: "legacy", [Era.MODERN]: "modern" };

/** Throws `request.invalid`. No time is in the future: a clock that is fast must not make a listing the last for ever. */
export function boundedSeen({ servers, definitions }: CatalogueSeen, nowMs: number): SeenServer[] {
  if (servers.length > serversMax) throw invalid(`servers: ${serversMax} at most`);
  if (definitions.length > definitionsMax) throw invalid(`definitions: ${definitionsMax} at most`);
  return [...new Map(servers.map((server) => [server.serverId, server])).values()]
    .map((server) => seenServer(server, nowMs))
    .sort((a, b) => (a.serverId < b.serverId ? -1 : 1));
}

function seenServer(server: ServerSeen, nowMs: number): SeenServer {
  if (server.serverId.length > idCharsMax || server.serverId.includes("\0")) throw invalid("a server's id is none");
  const time = (ms: bigint): Date => new Date(Math.max(0, Math.min(Number(ms), nowMs)));
  const { listing } = server;
  return {
    serverId: server.serverId,
    // What a later version says is shown as what it is here.
    state: states[server.state] ?? states[ServerState.UNSPECIFIED],
    reason: shown(server.reason),
    since: time(server.sinceMs),
    era: eras[server.era] ?? "",
    protocolVersion: shown(server.protocolVersion),
    name: shown(server.name),
    version: shown(server.version),
    instructions: shown(server.instructions, instructionsCharsMax),
    listing: listing && { listedAt: time(listing.listedAtMs), entries: seenEntries(listing.entries) },
  };
}

type Entries = NonNullable<ServerSeen["listing"]>["entries"];

/** Of a name that is there twice the first stands; a kind that is not known here is left out. */
function seenEntries(entries: Entries): SeenEntry[] {
  if (entries.length > limits.catalogueEntriesMax) throw invalid(`entries: ${limits.catalogueEntriesMax} at most`);
  const byName = new Map<string, SeenEntry>();
  const names: Readonly<Record<number, string>> = kinds;
  for (const { kind: value, name, sha256 } of entries) {
    const kind = names[value];
    if (name.length > limits.catalogueNameCharsMax || name.includes("\0"))
      throw invalid(`a name: ${limits.catalogueNameCharsMax} characters, no NUL`);
    if (sha256.length !== hashBytes) throw invalid(`a hash: ${hashBytes} bytes`);
    const key = `${kind}/${name}`;
    if (kind !== undefined && !byName.has(key)) byName.set(key, { kind, name: name.toWellFormed(), sha256 });
  }
  return [...byName.values()];
}

function shown(text: string, charsMax = shownCharsMax): string {
  return text.slice(0, charsMax).toWellFormed().replaceAll("\0", "\ufffd");
}

function invalid(bound: string): TollgateError {
  return new TollgateError("request.invalid", `In a report about servers, ${bound}.`);
}
