// How tools and prompts are called towards clients: `server__tool`, of [A-Za-z0-9_-] only, short enough that a client may put
// its own prefix before it. A server's part never holds two underscores in a row, so the first pair of them always ends it. A
// part that had to be altered carries a hash of what it was: names are stable across restarts and do not depend on order.
// A resource keeps its URI; where two servers have the same, each is told apart by a prefix that can be taken off again.

import { hash } from "node:crypto";

/** 64 characters are what clients allow, less what Claude Code puts in front (`mcp__tollgate__`). */
export const exposedCharsMax = 64 - "mcp__tollgate__".length;
const serverCharsMax = 24;
export const separator = "__";
const alteredMark = /_[0-9a-f]{8}$/;

export function exposedName(server: string, own: string): string {
  const prefix = exposedServer(server);
  return prefix + separator + exposedPart(own, exposedCharsMax - prefix.length - separator.length);
}

export function exposedServer(server: string): string {
  if (server.length <= serverCharsMax && /^[A-Za-z0-9_-]+$/.test(server) && !server.includes(separator)) return server;
  const plain = server.replaceAll(/[^A-Za-z0-9-]+/g, "-").slice(0, serverCharsMax - 9);
  return `${plain}-${hash("sha256", server).slice(0, 8)}`;
}

export function exposedPart(own: string, charsMax = exposedCharsMax): string {
  if (own.length <= charsMax && /^[A-Za-z0-9_-]+$/.test(own) && !alteredMark.test(own)) return own;
  const plain = own.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, charsMax - 9);
  return `${plain}_${hash("sha256", own).slice(0, 8)}`;
}

/** Whether the name is not what the server calls it: it cannot be turned back without the server's list. */
export function isAltered(part: string): boolean {
  return alteredMark.test(part);
}

const uriPrefix = "tollgate-server://";

export function prefixedUri(server: string, uri: string): string {
  return `${uriPrefix}${encodeURIComponent(server)}/${uri}`;
}

export type PrefixedUri = { readonly server: string; readonly uri: string };

export function readPrefixedUri(uri: string): PrefixedUri | undefined {
  if (!uri.startsWith(uriPrefix)) return undefined;
  const end = uri.indexOf("/", uriPrefix.length);
  if (end < 0) return undefined;
  try {
    return { server: decodeURIComponent(uri.slice(uriPrefix.length, end)), uri: uri.slice(end + 1) };
  } catch {
    return undefined;
  }
}
