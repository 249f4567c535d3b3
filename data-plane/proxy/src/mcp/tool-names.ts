// How tools are called towards clients: `server__tool`, of [A-Za-z0-9_-] only, short enough that a client may put its own
// prefix before it. A server's part never holds two underscores in a row, so the first pair of them always ends it. A part
// that had to be altered carries a hash of what it was: names are stable across restarts and do not depend on order.

import { hash } from "node:crypto";
import type { View } from "@tollgate/kernel/view";
import type { Server } from "@tollgate/schema/resources";

/** 64 characters are what clients allow, less what Claude Code puts in front (`mcp__tollgate__`). */
export const exposedCharsMax = 64 - "mcp__tollgate__".length;
const serverCharsMax = 24;
const separator = "__";
const alteredMark = /_[0-9a-f]{8}$/;

export function exposedName(server: string, tool: string): string {
  const prefix = exposedServer(server);
  return prefix + separator + exposedTool(tool, exposedCharsMax - prefix.length - separator.length);
}

function exposedServer(server: string): string {
  if (server.length <= serverCharsMax && /^[A-Za-z0-9_-]+$/.test(server) && !server.includes(separator)) return server;
  const plain = server.replaceAll(/[^A-Za-z0-9-]+/g, "-").slice(0, serverCharsMax - 9);
  return `${plain}-${hash("sha256", server).slice(0, 8)}`;
}

function exposedTool(tool: string, charsMax: number): string {
  if (tool.length <= charsMax && /^[A-Za-z0-9_-]+$/.test(tool) && !alteredMark.test(tool)) return tool;
  const plain = tool.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, charsMax - 9);
  return `${plain}_${hash("sha256", tool).slice(0, 8)}`;
}

export type CalledName = {
  server: Server;
  /** The tool's part, which is its own name unless that had to be altered. */
  toolPart: string;
  isAltered: boolean;
};

const byPrefix = new WeakMap<View["serversByName"], ReadonlyMap<string, Server>>();

/** The server that a called name belongs to; undefined where it belongs to none. */
export function calledName(view: View, name: string): CalledName | undefined {
  const end = name.indexOf(separator);
  if (end < 0) return undefined;
  const server = serversByPrefix(view).get(name.slice(0, end));
  const toolPart = name.slice(end + separator.length);
  return server && toolPart !== "" ? { server, toolPart, isAltered: alteredMark.test(toolPart) } : undefined;
}

/** Two servers with one prefix (one of them named like the other's hash) are both left out rather than guessed between. */
function serversByPrefix(view: View): ReadonlyMap<string, Server> {
  const known = byPrefix.get(view.serversByName);
  if (known) return known;
  const servers = new Map<string, Server>();
  const clashing = new Set<string>();
  for (const server of view.serversByName.values()) {
    const prefix = exposedServer(server.name);
    if (servers.has(prefix)) clashing.add(prefix);
    servers.set(prefix, server);
  }
  for (const prefix of clashing) servers.delete(prefix);
  byPrefix.set(view.serversByName, servers);
  return servers;
}
