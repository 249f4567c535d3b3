// What a client declared that it can do, as far as the gate can bring it to a server, in one form: two clients that can do the
// same have the same text, and with it the same sessions at a server. Tasks are left out, because nothing of the gate could
// find them again.

import { textIn } from "../bytes/edits.ts";
import { memberFinder, MemberRefusal } from "../bytes/members.ts";

export type CapabilitySet = {
  /** JSON of what is declared to servers. */
  readonly text: string;
  readonly names: ReadonlySet<string>;
};

const bridgeable = ["elicitation", "experimental", "extensions", "roots", "sampling"] as const;
const find = memberFinder(bridgeable);
const tasksExtension = "io.modelcontextprotocol/tasks";

export const noCapabilities: CapabilitySet = { text: "{}", names: new Set() };

/** By the text that a client sent; clients repeat theirs with every request. */
const known = new Map<string, CapabilitySet>();
const knownMax = 1_000;
export const capabilityTextCharsMax = 16 * 1024;

/** Of a client's own words; the code with which they are refused where a capability occurs twice. */
export function readCapabilities(text: string): CapabilitySet | "mcp.duplicate-member" | undefined {
  try {
    return capabilitySetOf(text);
  } catch (error) {
    if (error instanceof MemberRefusal) return "mcp.duplicate-member";
    throw error;
  }
}

/** Undefined for what is no object, or too much of one. */
export function capabilitySetOf(text: string): CapabilitySet | undefined {
  const remembered = known.get(text);
  if (remembered !== undefined) return remembered;
  if (text.length > capabilityTextCharsMax || !text.startsWith("{")) return undefined;
  const set = read(text);
  if (known.size >= knownMax) for (const oldest of known.keys()) if (known.delete(oldest)) break;
  known.set(text, set);
  return set;
}

function read(text: string): CapabilitySet {
  const bytes = Buffer.from(text);
  const members = find(bytes);
  const parts: string[] = [];
  const names = new Set<string>();
  for (const name of bridgeable) {
    const span = members[name];
    if (span === undefined) continue;
    const value = name === "extensions" ? withoutTasks(textIn(bytes, span)) : compact(textIn(bytes, span));
    if (value === undefined) continue;
    names.add(name);
    parts.push(`"${name}":${value}`);
  }
  return { text: `{${parts.join(",")}}`, names };
}

function compact(text: string): string {
  return JSON.stringify(JSON.parse(text));
}

function withoutTasks(text: string): string | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return undefined;
  const others = Object.entries(value).filter(([name]) => name !== tasksExtension);
  return others.length === 0 ? undefined : JSON.stringify(Object.fromEntries(others));
}

/** What has to be declared for a server to ask this. */
export function capabilityFor(method: string): "elicitation" | "sampling" | "roots" | undefined {
  if (method === "elicitation/create") return "elicitation";
  if (method === "sampling/createMessage") return "sampling";
  return method === "roots/list" ? "roots" : undefined;
}
