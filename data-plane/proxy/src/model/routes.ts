// What is asked for by a path, at which door. Each door's protocol is below a prefix of its own, and both are at the root for
// clients whose base URL has no path; what both have there is told apart by the header that every Anthropic client sends.
// It knows paths alone: who may ask, and whether there is such a provider, is not decided here.

import type { IncomingHttpHeaders } from "node:http";
import type { ModelDoorName } from "../pipeline/call.ts";
import { decodedPath } from "./path-text.ts";
import type { BodyOperation } from "./wire/request.ts";

export type Route = { readonly door: ModelDoorName } & (
  | { readonly kind: "call"; readonly operation: BodyOperation }
  /** `id`: of the one model that is asked for; undefined: all. */
  | { readonly kind: "models"; readonly id: string | undefined }
  /** Whether anybody is there. */
  | { readonly kind: "hello" }
  /** What its key may spend, and has. */
  | { readonly kind: "usage" }
  /** A call that has a path of its own, at one that a provider might take for it. `rightPath`: that of its own. */
  | { readonly kind: "misspelt"; readonly rightPath: string }
  /** `path`: as the provider calls it. */
  | { readonly kind: "other"; readonly path: string }
);

/** The first parts of all paths that are a door's to models. */
export const modelDoorPaths = ["/", "/anthropic", "/openai", "/v1", "/api"] as const;

const calls: ReadonlyMap<string, { door: ModelDoorName; operation: BodyOperation }> = new Map([
  ["messages", { door: "anthropic", operation: "messages" }],
  ["messages/count_tokens", { door: "anthropic", operation: "messages/count_tokens" }],
  ["chat/completions", { door: "openai", operation: "chat/completions" }],
  ["responses", { door: "openai", operation: "responses" }],
  ["embeddings", { door: "openai", operation: "embeddings" }],
] as const);

const version = "/v1/";

export function routeOf(path: string, headers: IncomingHttpHeaders): Route {
  const named = doorNamedIn(path);
  if (named !== undefined) return routeAt(named.door, named.below);
  if (path === "/") return { door: doorByHeaders(path, headers), kind: "hello" };
  const below = path.startsWith(version) ? path.slice(version.length) : undefined;
  const door = (below === undefined ? undefined : calls.get(below)?.door) ?? doorByHeaders(path, headers);
  return routeAt(door, path);
}

function doorNamedIn(path: string): { door: ModelDoorName; below: string } | undefined {
  for (const door of ["anthropic", "openai"] as const) {
    const prefix = `/${door}`;
    if (path === prefix || path.startsWith(`${prefix}/`)) return { door, below: path.slice(prefix.length) };
  }
  return undefined;
}

function doorByHeaders(path: string, headers: IncomingHttpHeaders): ModelDoorName {
  return path.startsWith("/api/") || headers["anthropic-version"] !== undefined ? "anthropic" : "openai";
}

function routeAt(door: ModelDoorName, path: string): Route {
  if (door === "anthropic" && (path === "" || path === "/" || path === "/api/hello")) return { door, kind: "hello" };
  if (door === "anthropic" && path === "/api/oauth/usage") return { door, kind: "usage" };
  const below = belowVersion(door, path);
  if (below !== undefined) {
    const call = calls.get(below);
    if (call?.door === door) return { door, kind: "call", operation: call.operation };
    if (below === "models") return { door, kind: "models", id: undefined };
    if (below.startsWith("models/")) return { door, kind: "models", id: decoded(below.slice("models/".length)) };
  }
  const rightPath = rightPathOf(path);
  if (rightPath !== undefined) return { door, kind: "misspelt", rightPath };
  return { door, kind: "other", path: providerPath(door, path) };
}

/** A base URL for OpenAI's protocol ends with the version, and some leave it out where what is behind it is another's. */
function belowVersion(door: ModelDoorName, path: string): string | undefined {
  if (path.startsWith(version)) return path.slice(version.length);
  const below = path.slice(1);
  const isKnown = below === "models" || calls.get(below)?.door === door;
  return door === "openai" && isKnown ? below : undefined;
}

/** Were such a path passed on, the call would be served, and nobody would count it. */
function rightPathOf(path: string): string | undefined {
  const text = decodedPath(path)?.toLowerCase();
  const below = text
    ?.replace(/\/+/g, "/")
    .replace(/^(?:\/v1)*\//, "")
    .replace(/\/$/, "");
  const meant = below === undefined ? undefined : calls.get(below);
  return meant === undefined ? undefined : `/${meant.door}${version}${below}`;
}

/** What stands behind the base URL of a provider, which for OpenAI's protocol holds the version. */
export function providerPath(door: ModelDoorName, path: string): string {
  return door === "openai" && path.startsWith(version) ? path.slice(version.length - 1) : path;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
