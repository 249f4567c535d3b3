// Headers that a modern server wants to see parts of a tool's arguments in (`x-mcp-header` in the tool's schema). Which
// parameters those are is read from the definition once; a definition that marks what it may not is no tool for HTTP.

import type { Exposed } from "../surface/surface.ts";
import { headerValueOf, textOfHeader } from "../wire/header-value.ts";
import { memberFinder, MemberRefusal, valueOf, type Span } from "../../bytes/members.ts";

type Mirrored = { readonly header: string; readonly path: string };

type Mirrors = {
  readonly all: readonly Mirrored[];
  find(body: Buffer, within: Span): Record<string, Span | undefined>;
};

const known = new WeakMap<Uint8Array, Mirrors | undefined>();

/** Name after value. */
export function paramHeadersOf(exposed: Exposed | undefined, body: Buffer, args: Span | undefined): string[] {
  const mirrors = exposed && mirrorsOf(exposed.listed.bytes);
  if (mirrors === undefined || args === undefined) return [];
  const spans = findIn(mirrors, body, args);
  return mirrors.all.flatMap(({ header, path }) => {
    const span = spans[path];
    const text = span && textOfValue(valueOf(body, span));
    return text === undefined ? [] : [`mcp-param-${header}`, headerValueOf(text)];
  });
}

/** What does not agree between the headers that a client sent and its arguments, as a sentence. */
export function paramHeaderProblem(
  exposed: Exposed | undefined,
  headers: { readonly [name: string]: string | readonly string[] | undefined },
  body: Buffer,
  args: Span | undefined,
): string | undefined {
  const mirrors = exposed && mirrorsOf(exposed.listed.bytes);
  if (mirrors === undefined) return undefined;
  const spans = args === undefined ? {} : findIn(mirrors, body, args);
  for (const { header, path } of mirrors.all) {
    const sent = headers[`mcp-param-${header}`];
    const value = spans[path] === undefined ? undefined : valueOf(body, spans[path]);
    const expected = textOfValue(value);
    if (sent === undefined && expected === undefined) continue;
    const said = typeof sent === "string" ? textOfHeader(sent) : undefined;
    const isSame = said !== undefined && (said === expected || (typeof value === "number" && Number(said) === value));
    if (!isSame) return `\`mcp-param-${header}\` does not say what the argument says.`;
  }
  return undefined;
}

function findIn(mirrors: Mirrors, body: Buffer, args: Span): Record<string, Span | undefined> {
  try {
    return mirrors.find(body, args);
  } catch (error) {
    if (error instanceof MemberRefusal) return {};
    throw error;
  }
}

function textOfValue(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "boolean" || (typeof value === "number" && Number.isSafeInteger(value))
    ? String(value)
    : undefined;
}

function mirrorsOf(definition: Uint8Array): Mirrors | undefined {
  if (known.has(definition)) return known.get(definition);
  const mirrors = readMirrors(definition);
  known.set(definition, mirrors);
  return mirrors;
}

function readMirrors(definition: Uint8Array): Mirrors | undefined {
  const text = Buffer.from(definition).toString("utf8");
  if (!text.includes("x-mcp-header")) return undefined;
  const all: Mirrored[] = [];
  const { inputSchema }: { inputSchema?: unknown } = Object(JSON.parse(text));
  collect(inputSchema, "", all);
  if (all.length === 0) return undefined;
  return { all, find: memberFinder(all.map(({ path }) => path)) };
}

function collect(schema: unknown, path: string, into: Mirrored[]): void {
  const { properties }: { properties?: unknown } = Object(schema);
  for (const [name, property] of Object.entries(Object(properties))) {
    const at = path === "" ? name : `${path}>${name}`;
    const { "x-mcp-header": header }: { "x-mcp-header"?: unknown } = Object(property);
    if (typeof header === "string" && !name.includes(">")) into.push({ header: header.toLowerCase(), path: at });
    collect(property, at, into);
  }
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Why a tool that a modern server lists over HTTP is none, by what its schema marks; undefined where it is well. */
export function markProblem(definition: Uint8Array): string | undefined {
  const text = Buffer.from(definition).toString("utf8");
  if (!text.includes("x-mcp-header")) return undefined;
  const { inputSchema }: { inputSchema?: unknown } = Object(JSON.parse(text));
  const seen = new Set<string>();
  return problemIn(inputSchema, true, seen);
}

function problemIn(schema: unknown, isReachable: boolean, seen: Set<string>): string | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  const { "x-mcp-header": header, type }: { "x-mcp-header"?: unknown; type?: unknown } = schema;
  if (header !== undefined) {
    if (typeof header !== "string" || !token.test(header)) return "a header's name is none";
    if (!isReachable) return `${header} is marked where no argument can be found by its path`;
    if (seen.has(header.toLowerCase())) return `${header} is marked twice`;
    if (type !== "string" && type !== "integer" && type !== "boolean")
      return `${header} is no text, integer or boolean`;
    seen.add(header.toLowerCase());
  }
  for (const [member, inner] of Object.entries(schema)) {
    const isProperties = member === "properties" && typeof inner === "object" && inner !== null;
    const parts: readonly unknown[] = isProperties ? Object.values(Object(inner)) : [inner];
    if (member === "x-mcp-header") continue;
    for (const part of parts) {
      const problem = problemIn(part, isReachable && isProperties, seen);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}
