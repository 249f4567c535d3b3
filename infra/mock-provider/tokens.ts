// How the mock counts and what it says when nobody told it: one token for four characters, rounded up for each piece of
// text, and ids that follow from what was asked. So the same request has the same answer and the same price each time. No
// real tokenizer counts like this, and nothing that is tested may depend on it.
import { createHash } from "node:crypto";
import type { JsonObject } from "./json-value.ts";
import type { Asked, Part, Reply, Usage, Wording } from "./reply.ts";

const charsPerToken = 4;
const repeatedCharsMax = 400;
const filler = "The quick brown fox jumps over the lazy dog. ";

export const tokensOf = (text: string): number => Math.ceil(text.length / charsPerToken);

/** Of what these members of a body say; never more than the body has bytes. */
export function tokensOfMembers(body: JsonObject, names: readonly string[]): number {
  const counted = names.map((name) => (body[name] === undefined ? 0 : tokensOf(JSON.stringify(body[name]))));
  return Math.max(
    1,
    counted.reduce((sum, tokens) => sum + tokens, 0),
  );
}

export function wordsOf(wording: Wording): string {
  if ("text" in wording) return wording.text;
  const chars = wording.tokens * charsPerToken;
  return filler.repeat(Math.ceil(chars / filler.length)).slice(0, chars);
}

/** A hash of all of it, as so many digits. */
export function idOf(seed: readonly unknown[], digits = 24): string {
  return createHash("sha256").update(JSON.stringify(seed)).digest("hex").slice(0, digits);
}

/** A reply with nothing left open: its words as text, within the limit of the request, and its usage whole. */
export interface Settled {
  readonly parts: readonly SettledPart[];
  readonly usage: Usage;
  readonly isCutShort: boolean;
  /** How often it is said; the usage is of all. */
  readonly choices: number;
  /** What ids are made of. */
  readonly seed: string;
}

export type SettledPart =
  | { readonly type: "text" | "thinking"; readonly text: string; readonly signature: string; readonly tokens: number }
  | {
      readonly type: "tool";
      readonly id: string;
      readonly name: string;
      readonly namespace: string | undefined;
      readonly json: string;
      readonly tokens: number;
    }
  | { readonly type: "web-search"; readonly id: string; readonly query: string; readonly tokens: number };

export function settle(asked: Asked, reply: Reply, tierWithoutName: string): Settled {
  // An answer is the same whether it is streamed or not.
  const { stream: _stream, stream_options: _options, ...body } = asked.body;
  const seed = idOf([body, reply.content ?? null]);
  const said = asked.operation === "embeddings" ? [] : (reply.content ?? [aboutWhatWasAsked(asked)]);
  const { choices } = asked;
  const parts: SettledPart[] = [];
  let left = asked.outputTokensMax ?? Infinity;
  let isCutShort = false;
  for (const [index, part] of said.entries()) {
    if (left <= 0) {
      isCutShort = true;
      break;
    }
    const whole = settlePart(part, seed, index);
    const fitting = fit(whole, left);
    isCutShort ||= fitting !== whole;
    left -= fitting.tokens;
    parts.push(fitting);
  }
  const sum = (of: SettledPart["type"][]) =>
    parts.filter(({ type }) => of.includes(type)).reduce((total, { tokens }) => total + tokens, 0);
  const usage = {
    inputTokens: asked.inputTokens,
    cacheReadTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: choices * sum(["text", "thinking", "tool", "web-search"]),
    reasoningTokens: choices * sum(["thinking"]),
    webSearches: parts.filter(({ type }) => type === "web-search").length,
    serviceTier: tierWithoutName,
    ...reply.usage,
  };
  return { parts, usage, isCutShort, choices, seed };
}

function settlePart(part: Part, seed: string, index: number): SettledPart {
  const id = idOf([seed, index]);
  if (part.type === "tool") {
    const json = JSON.stringify(part.input);
    const { name, namespace } = part;
    return { type: "tool", id: part.id ?? id, name, namespace, json, tokens: tokensOf(name) + tokensOf(json) };
  }
  if (part.type === "web-search") return { ...part, id, tokens: tokensOf(part.query) };
  const text = wordsOf(part);
  const signature = part.type === "thinking" ? (part.signature ?? Buffer.from(id.repeat(4)).toString("base64")) : "";
  return { type: part.type, text, signature, tokens: tokensOf(text) };
}

/** Calls of tools are left whole: no script means half of one. */
function fit(part: SettledPart, tokensMax: number): SettledPart {
  if (part.tokens <= tokensMax || part.type === "tool" || part.type === "web-search") return part;
  return { ...part, text: part.text.slice(0, tokensMax * charsPerToken), tokens: tokensMax };
}

function aboutWhatWasAsked({ lastUserText, model }: Asked): Part {
  return { type: "text", text: `${model} heard: ${lastUserText.slice(0, repeatedCharsMax)}` };
}

/** What `max_tokens` and its like are called differs. */
export function firstNumber(body: JsonObject, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = body[name];
    if (typeof value === "number") return value;
  }
  return undefined;
}
