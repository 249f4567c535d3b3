// A JSON-RPC message as it came: its text and the values in it. Two answers are compared by the text of their `result`, in
// which an order of members, a form of a number or an escape that changed on the way can be seen; a parser would hide it.
import { z } from "zod";

const envelope = z.looseObject({
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});

export interface RawMessage {
  readonly text: string;
  readonly envelope: z.infer<typeof envelope>;
}

export function rawMessage(text: string): RawMessage {
  return { text, envelope: envelope.parse(JSON.parse(text)) };
}

/** The bytes of a member of the outermost object; undefined where there is none. The text must be valid JSON. */
export function memberText(text: string, name: string): string | undefined {
  let at = skipSpace(text, 0) + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text[at] === "}") return undefined;
    const keyEnd = skipString(text, at);
    const key: unknown = JSON.parse(text.slice(at, keyEnd));
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    if (key === name) return text.slice(start, end);
    at = skipSpace(text, end);
    if (text[at] === ",") at++;
  }
}

/** The bytes of each item of an array. The text must be valid JSON. */
export function arrayItems(text: string): string[] {
  const items: string[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text[at] !== "]") {
    const end = skipValue(text, at);
    items.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return items;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (" \t\r\n".includes(text[at] ?? "-")) at++;
  return at;
}

function skipString(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function skipValue(text: string, from: number): number {
  if (text[from] === '"') return skipString(text, from);
  let at = from;
  if (text[from] !== "{" && text[from] !== "[") {
    while (at < text.length && !",]} \t\r\n".includes(text[at] ?? "")) at++;
    return at;
  }
  for (let depth = 0; ;) {
    const character = text[at];
    if (character === '"') {
      at = skipString(text, at);
      continue;
    }
    if (character === "{" || character === "[") depth++;
    if (character === "}" || character === "]") depth--;
    at++;
    if (depth === 0) return at;
  }
}
