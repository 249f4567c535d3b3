// Importing a client's server list: all of it or nothing, twice is once. It is a configuration of servers that takes nothing else
// into its hands: what there is already keeps the settings that a list cannot say, and a name that stands for another address
// or program is not pointed at a new one unless that is asked for, because whoever was granted it would reach what nobody meant.

import {
  readMcpJson,
  type ImportedServer,
  type ImportProblem,
  type Lookup,
} from "@tollgate/kernel/configuration/mcp-json";
import { catalogues, eras, isolations, transports, type ConfiguredServer } from "@tollgate/kernel/configuration/server";
import { emptyConfiguration } from "@tollgate/kernel/configuration/configuration";
import type { Issue } from "@tollgate/kernel/configuration/issue";
import type { Server } from "@tollgate/schema/resources";
import { applyWanted } from "../configuration/apply.ts";
import type { PlanItem } from "../configuration/planning.ts";
import type { Meta } from "../log/handle.ts";
import type { AnswerBody } from "../log/kept-answer.ts";
import type { Plane } from "../plane.ts";
import { sameList } from "../tool-groups/granted-tools.ts";
import { nameIn } from "../tool-groups/tool-group-to-api.ts";

export type ImportRequest = {
  json: string;
  /** Undefined: a list that refers to variables is refused. */
  lookup: Lookup | undefined;
  /** A server of the name becomes what the list says. */
  replace: boolean;
  dryRun: boolean;
  answer?: (servers: readonly Imported[]) => AnswerBody;
};

/** `secrets` are the names of headers and variables whose values are kept secret. */
export type Imported = { from: string; item: PlanItem; secrets: string[] };

export type ImportDone =
  | { outcome: "imported"; servers: Imported[]; isApplied: boolean; position: bigint }
  | { outcome: "refused"; problems: readonly ImportProblem[] };

const at = { line: 1, column: 1 };

export async function importServers(plane: Plane, meta: Meta, request: ImportRequest): Promise<ImportDone> {
  const read = readMcpJson(request.json, request.lookup);
  if (read.outcome === "invalid") return { outcome: "refused", problems: read.problems };
  const imported = (items: readonly PlanItem[]): Imported[] =>
    items.flatMap((item, index) => {
      const server = read.servers[index];
      return server ? [{ from: server.from, item, secrets: secretsOf(server) }] : [];
    });
  const { dryRun, replace, answer } = request;
  const commit = {
    dryRun,
    prune: false,
    ...(answer ? { answer: (items: readonly PlanItem[]) => answer(imported(items)) } : {}),
  };
  const done = await applyWanted(plane, meta, commit, {
    keyIds: [],
    wanted({ servers }) {
      const clashes = replace ? [] : read.servers.flatMap((server, index) => clashOf(server, servers, index));
      if (clashes.length > 0) return { issues: clashes };
      const wanted = read.servers.map((server) => ({ ...server, ...kept(server, servers.get(server.name)), at }));
      return { configuration: { ...emptyConfiguration, servers: wanted } };
    },
  });
  if (done.outcome === "refused") return { outcome: "refused", problems: done.issues.map(problemOf(read.servers)) };
  return { outcome: "imported", servers: imported(done.items), isApplied: done.isApplied, position: done.position };
}

function secretsOf({ headers, environment }: ImportedServer): string[] {
  return [...headers, ...environment].flatMap((one) => ("source" in one ? [one.name] : []));
}

function clashOf(wanted: ImportedServer, servers: ReadonlyMap<string, Server>, index: number): Issue[] {
  const server = servers.get(wanted.name);
  if (!server || isSame(wanted, server)) return [];
  const message = `There is a server \`${wanted.name}\` already, with another address or command; import with \`replace\` to change it.`;
  return [{ ...at, path: `servers[${index}]`, message }];
}

function isSame({ transport, url, command }: ImportedServer, server: Server): boolean {
  return transports[transport] === server.transport && url === server.url && sameList(command, server.command);
}

/** What a list cannot say stays as it was set; where the server may go, only while it is the same address. */
function kept(wanted: ImportedServer, server: Server | undefined): Partial<ConfiguredServer> {
  if (!server) return {};
  const { timeoutSeconds, workingDirectory, allowPrivateNetwork } = server;
  return {
    timeoutSeconds,
    ...(wanted.transport === "stdio" ? { workingDirectory } : {}),
    ...(isSame(wanted, server) ? { allowPrivateNetwork } : {}),
    era: nameIn(eras, server.era) ?? "auto",
    isolation: nameIn(isolations, server.isolation) ?? "auto",
    catalogue: nameIn(catalogues, server.catalogue) ?? "auto",
  };
}

function problemOf(servers: readonly ImportedServer[]) {
  return ({ path, message }: Issue): ImportProblem => {
    const index = /^servers\[(\d+)\]/.exec(path)?.[1];
    return { server: index === undefined ? undefined : servers[Number(index)]?.from, message };
  };
}
