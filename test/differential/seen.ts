// What of an observation has to be the same through a gate: everything that an agent works with, to the byte. Left out is how
// lists are cut into pages and how a server and a gate call themselves; taken back is what the gate has to add: the name of a
// server before the names of its tools and prompts, and what the modern era adds to results.
import { itemsOf, type Answer, type Observation } from "./observe.ts";
import { memberText } from "./raw-message.ts";
import type { RealServer } from "./servers.ts";

/** How it was shown. */
export interface Shown {
  /** Before the names of tools and prompts. */
  readonly prefix: string;
  /** Absent: to a client of the legacy era. */
  readonly isModern?: boolean;
}

export type Seen = Record<"tools" | "prompts" | "resources" | "resourceTemplates", string[]> & {
  instructions: string | undefined;
  prompted: readonly Answer[];
  read: readonly Answer[];
  calls: Observation["calls"];
};

export function seenOf(observation: Observation, { name }: RealServer, shown: Shown): Seen {
  const { prefix, isModern = false } = shown;
  const ofEra = isModern ? withoutEra : (answer: Answer): Answer => answer;
  const { initialize, calls, prompted, read, ...lists } = observation;
  const instructions = "result" in initialize ? memberText(initialize.result, "instructions") : undefined;
  return {
    // Where there is more than one server, the instructions of each stand below its name.
    instructions: instructions?.replace(`"# ${name}\\n`, '"'),
    tools: itemsOf(lists.tools, "tools").map((item) => withoutPrefix(item, prefix)),
    prompts: itemsOf(lists.prompts, "prompts").map((item) => withoutPrefix(item, prefix)),
    resources: itemsOf(lists.resources, "resources"),
    resourceTemplates: itemsOf(lists.resourceTemplates, "resourceTemplates"),
    prompted: prompted.map(ofEra),
    read: read.map(ofEra),
    calls: calls.map(({ call, answer }) => ({ call, answer: ofEra(answer) })),
  };
}

/** What the modern era adds to results. */
const eraMembers = ["resultType", "ttlMs", "cacheScope"];

function withoutEra(answer: Answer): Answer {
  if ("error" in answer) return answer;
  return { result: eraMembers.reduce(withoutMember, answer.result) };
}

function withoutMember(text: string, name: string): string {
  const value = memberText(text, name);
  if (value === undefined) return text;
  const member = `"${name}":${value}`;
  return text.includes(`${member},`) ? text.replace(`${member},`, "") : text.replace(`,${member}`, "");
}

function withoutPrefix(item: string, prefix: string): string {
  const name = memberText(item, "name") ?? "";
  if (!name.startsWith(`"${prefix}`)) throw new Error(`${name} does not begin with ${prefix}`);
  return item.replace(`"name":${name}`, `"name":"${name.slice(1 + prefix.length)}`);
}
