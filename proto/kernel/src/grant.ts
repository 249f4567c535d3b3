// What a set of patterns lets through, compiled once for each distinct set and shared by every key, team and group that has the
// same. Two grants may be joined into one that asks both. A set grants nothing that none of its patterns does, and an empty
// one nothing at all.

import { toolPattern, type GrantKind, type ToolPattern } from "./tool-pattern.ts";

export type Grant = {
  allows(this: void, server: string, tool: string): boolean;
  allowsPrompt(this: void, server: string, name: string): boolean;
  allowsResource(this: void, server: string, uri: string): boolean;
  /** Whether there could be something of the kind there that is allowed. */
  reaches(this: void, kind: GrantKind, server: string): boolean;
};

export const grantKinds: readonly GrantKind[] = ["tool", "prompt", "resource"];

const shared = new Map<string, Grant>();
/** Sets kept for sharing. One that falls out is compiled again when its next key comes; nothing breaks. */
const sharedSetsMax = 10_000;

export function grantOf(patterns: readonly string[]): Grant {
  const set = [...new Set(patterns)].sort();
  const name = set.join("\n");
  const known = shared.get(name);
  if (known) return known;
  const grant = unsharedGrant(set);
  if (shared.size >= sharedSetsMax) for (const oldest of shared.keys()) if (shared.delete(oldest)) break;
  shared.set(name, grant);
  return grant;
}

/** Of what only one request asks for: it must not push out what keys share. */
export function unsharedGrant(patterns: readonly string[]): Grant {
  return compile(patterns.flatMap((text) => toolPattern(text) ?? []));
}

type Matcher = (server: string, name: string) => boolean;
type OfKind = { matches: Matcher; reaches: (server: string) => boolean };

function compile(patterns: readonly ToolPattern[]): Grant {
  const by = {
    tool: ofKind(patterns, "tool"),
    prompt: ofKind(patterns, "prompt"),
    resource: ofKind(patterns, "resource"),
  } satisfies Record<GrantKind, OfKind>;
  return {
    allows: by.tool.matches,
    allowsPrompt: by.prompt.matches,
    allowsResource: by.resource.matches,
    reaches: (kind, server) => by[kind].reaches(server),
  };
}

function ofKind(patterns: readonly ToolPattern[], kind: GrantKind): OfKind {
  const own = patterns.filter(({ kinds }) => kinds.includes(kind));
  const exact = new Set(own.flatMap((pattern) => pattern.exact ?? []));
  const others = own.filter((pattern) => pattern.exact === undefined);
  const servers = new Map(own.map((pattern) => [pattern.server, pattern.matchesServer]));
  const globs = [...servers].filter(([server]) => server.includes("*")).map(([, matches]) => matches);
  return {
    matches: (server, name) =>
      exact.has(`${server}/${name}`) || others.some((pattern) => pattern.matches(server, name)),
    reaches: (server) => (servers.has(server) && !server.includes("*")) || globs.some((matches) => matches(server)),
  };
}

const joined = new WeakMap<Grant, WeakMap<Grant, Grant>>();

/** What both allow. It may reach a server of which they allow different things only. */
export function bothOf(a: Grant, b: Grant): Grant {
  if (a === b) return a;
  const ofA = joined.get(a) ?? new WeakMap<Grant, Grant>();
  joined.set(a, ofA);
  const known = ofA.get(b);
  if (known) return known;
  const both: Grant = {
    allows: (server, tool) => a.allows(server, tool) && b.allows(server, tool),
    allowsPrompt: (server, name) => a.allowsPrompt(server, name) && b.allowsPrompt(server, name),
    allowsResource: (server, uri) => a.allowsResource(server, uri) && b.allowsResource(server, uri),
    reaches: (kind, server) => a.reaches(kind, server) && b.reaches(kind, server),
  };
  ofA.set(b, both);
  return both;
}

export function allowedBy(grant: Grant, kind: GrantKind, server: string, name: string): boolean {
  if (kind === "tool") return grant.allows(server, name);
  return kind === "prompt" ? grant.allowsPrompt(server, name) : grant.allowsResource(server, name);
}
