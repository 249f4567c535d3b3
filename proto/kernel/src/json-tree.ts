// JSON text as a tree that forgets nothing that was sent: numbers stay as they were written, since 64-bit integers do not fit
// into ours, and a member that occurs twice is there twice. Bounded in depth, so that whoever walks it needs no bound.

import { limits } from "./limits.ts";

export type JsonTree =
  | { kind: "object"; members: readonly (readonly [name: string, value: JsonTree])[] }
  | { kind: "array"; items: readonly JsonTree[] }
  | { kind: "string"; value: string }
  /** A number, `true`, `false` or `null`, as it was written. */
  | { kind: "literal"; text: string };

/** Undefined for what is no JSON, or is nested too deep. */
export function jsonTree(text: string): JsonTree | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  // It is JSON: nothing below can meet anything else.
  const tokens = text.matchAll(/[[\]{}]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s[\]{}:,"]+/g);
  const next = (): string => tokens.next().value?.[0] ?? "";
  return read(next, next(), 0);
}

function read(next: () => string, token: string, depth: number): JsonTree | undefined {
  if (token.startsWith('"')) return { kind: "string", value: stringOf(token) };
  if (token !== "{" && token !== "[") return { kind: "literal", text: token };
  if (depth === limits.jsonDepthMax) return undefined;
  const members: [string, JsonTree][] = [];
  const items: JsonTree[] = [];
  for (let at = next(); at !== "}" && at !== "]"; at = next()) {
    const value = read(next, token === "{" ? next() : at, depth + 1);
    if (!value) return undefined;
    if (token === "{") members.push([stringOf(at), value]);
    else items.push(value);
  }
  return token === "{" ? { kind: "object", members } : { kind: "array", items };
}

function stringOf(token: string): string {
  return String(JSON.parse(token));
}

/** Without spaces, members by their names: what says the same is the same text. */
export function canonicalText(tree: JsonTree): string {
  switch (tree.kind) {
    case "object": {
      const sorted = [...tree.members].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}:${canonicalText(value)}`).join(",")}}`;
    }
    case "array":
      return `[${tree.items.map(canonicalText).join(",")}]`;
    case "string":
      return JSON.stringify(tree.value);
    case "literal":
      return tree.text;
  }
}
