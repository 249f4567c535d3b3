// Reading a YAML tree into closed types: each function takes a node that was found under a path and gives the value, or
// adds an issue at the node's place and gives nothing. A mapping names all its fields; any other is an error with the
// field that was probably meant. Fields of later versions are refused, never ignored.

import { isMap, isNode, isScalar, isSeq, type Node } from "yaml";
import { isName, nameRule } from "../ids.ts";
import { limits } from "../limits.ts";
import { nanoPerUsd, parseUsd, type NanoUsd } from "../money.ts";
import type { IssueList, Place } from "./issue.ts";
import { nearest } from "./suggestion.ts";
import type { YamlSource } from "./yaml-source.ts";

export type Resolve = (reference: { env: string }) => string | undefined;

export type Reading = { issues: IssueList; source: YamlSource; resolve: Resolve };

/** `node` is undefined where a field has a name and nothing else. */
export type Found = { node: Node | undefined; path: string; at: Place };

export type Entry = Found & { keyAt: Place };

/** The entries of a mapping by their keys, each once; a key that is not text is an error. */
export function entriesOf(reading: Reading, at: Found): Map<string, Entry> | undefined {
  const { issues, source } = reading;
  if (!isMap(at.node)) return wrongType(reading, at, "a mapping of fields");
  const entries = new Map<string, Entry>();
  for (const pair of at.node.items) {
    const keyAt = isNode(pair.key) ? source.placeOf(pair.key) : at.at;
    const key = isNode(pair.key) ? source.targetOf(pair.key) : undefined;
    if (!isScalar(key) || typeof key.value !== "string") {
      issues.add({ path: at.path, at: keyAt }, "has a field whose name is not text");
      continue;
    }
    const former = entries.get(key.value);
    const path = at.path === "" ? key.value : `${at.path}.${key.value}`;
    if (former)
      issues.add({ path: at.path, at: keyAt }, `has the same field twice; the first is on line ${former.keyAt.line}`);
    else entries.set(key.value, { ...foundAt(reading, pair.value, path, keyAt), keyAt });
  }
  return entries;
}

/** The place is where the reader of the file looks: at an alias, not at its anchor. */
function foundAt(reading: Reading, node: unknown, path: string, fallback: Place): Found {
  const isAbsent = !isNode(node) || (isScalar(node) && node.value === null && node.source === "");
  if (isAbsent) return { node: undefined, path, at: fallback };
  return { node: reading.source.targetOf(node), path, at: reading.source.placeOf(node) };
}

export type MappingRules = {
  /** Fields of the product that this version does not serve. */
  later?: readonly string[];
  /** What stands where a field's name should may be a secret: it is not repeated. */
  isSecret?: boolean;
};

export function mappingOf<F extends string>(
  reading: Reading,
  at: Found,
  fields: Readonly<Record<F, "required" | "optional">>,
  { later = [], isSecret = false }: MappingRules = {},
): Partial<Record<F, Entry>> | undefined {
  const entries = entriesOf(reading, at);
  if (!entries) return undefined;
  const { issues } = reading;
  const read: Partial<Record<F, Entry>> = {};
  for (const [name, entry] of entries) {
    if (isFieldOf(fields, name)) read[name] = entry;
    else if (later.includes(name)) issues.add({ path: entry.path, at: entry.keyAt }, notYet);
    else if (!issues.isFull)
      issues.add({ path: at.path, at: entry.keyAt }, unknownField(name, Object.keys(fields), isSecret));
  }
  for (const name in fields)
    if (fields[name] === "required" && !read[name]) issues.add(at, `lacks the field \`${name}\``);
  return read;
}

export const notYet = "is not supported by this version yet";

function isFieldOf<F extends string>(fields: Readonly<Record<F, unknown>>, name: string): name is F {
  return Object.hasOwn(fields, name);
}

function unknownField(name: string, known: readonly string[], isSecret: boolean): string {
  const meant = nearest(name, known);
  if (meant !== undefined) return `has an unknown field \`${name}\`; the nearest that it takes is \`${meant}\``;
  // Fields are words of letters; what is anything else, or stands where a secret goes, may be one.
  const shown = !isSecret && /^[a-zA-Z]{1,24}$/.test(name) ? ` \`${name}\`` : "";
  return `has an unknown field${shown}; it takes ${known.join(", ")}`;
}

/** The items that could be read; the others are issues already. */
export function listOf<T>(reading: Reading, at: Found, read: (reading: Reading, item: Found) => T | undefined): T[] {
  if (!isSeq(at.node)) {
    wrongType(reading, at, "a list");
    return [];
  }
  return at.node.items.flatMap((node, index) => {
    const item = read(reading, foundAt(reading, node, `${at.path}[${index}]`, at.at));
    return item === undefined ? [] : [item];
  });
}

export function textOf(reading: Reading, at: Found): string | undefined {
  const value = isScalar(at.node) ? at.node.value : undefined;
  if (typeof value !== "string") return wrongType(reading, at, "text");
  if (value !== "") return value;
  reading.issues.add(at, "is empty");
  return undefined;
}

export function checkedTextOf(
  reading: Reading,
  at: Found,
  problemOf: (text: string) => string | undefined,
): string | undefined {
  const text = textOf(reading, at);
  const problem = text === undefined ? undefined : problemOf(text);
  if (problem === undefined) return text;
  reading.issues.add(at, problem);
  return undefined;
}

/** Texts of a list that is bounded; `what` names them. */
export function checkedTextsOf(
  reading: Reading,
  at: Found | undefined,
  { problemOf, max, what }: { problemOf: (text: string) => string | undefined; max: number; what: string },
): string[] {
  const texts = at ? listOf(reading, at, (_, item) => checkedTextOf(reading, item, problemOf)) : [];
  if (at && texts.length > max) reading.issues.add(at, `has more than ${max} ${what}`);
  return texts;
}

export function isText({ node }: Found): boolean {
  return isScalar(node) && node.value !== null;
}

/** What a program reads as text however it is written: `8080` and `true` as they stand there. It may be empty. */
export function scalarTextOf(reading: Reading, at: Found): string | undefined {
  const { node } = at;
  if (!isScalar(node) || node.value === null) return wrongType(reading, at, "text");
  return typeof node.value === "string" ? node.value : node.source;
}

/** One of a few words. */
export function oneOf<Word extends string>(
  reading: Reading,
  at: Found,
  words: Readonly<Record<Word, unknown>>,
): Word | undefined {
  const text = textOf(reading, at);
  if (text === undefined || isFieldOf(words, text)) return text;
  const known = Object.keys(words);
  reading.issues.add(at, `is none of ${known.slice(0, -1).join(", ")} and ${known.at(-1)}`);
  return undefined;
}

export function integerOf(reading: Reading, at: Found, { min, max }: { min: number; max: number }): number | undefined {
  const value = isScalar(at.node) ? at.node.value : undefined;
  if (typeof value !== "number") return wrongType(reading, at, "a whole number");
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  reading.issues.add(at, `is not a whole number from ${min} to ${max}`);
  return undefined;
}

/** An amount, exactly as it is written: it is never a floating-point number, not even on its way. */
export function dollarsOf(reading: Reading, at: Found, usdMax: number = limits.priceUsdMax): NanoUsd | undefined {
  const { node } = at;
  const isNumber = isScalar(node) && (typeof node.value === "number" || typeof node.value === "string");
  if (!isNumber) return wrongType(reading, at, "an amount in dollars");
  const text = typeof node.value === "string" ? node.value : (node.source ?? "");
  const amount = parseUsd(text);
  if (amount !== undefined && amount <= BigInt(usdMax) * nanoPerUsd) return amount;
  reading.issues.add(at, `is not an amount from 0 to ${usdMax} dollars, as 0.25, with at most nine decimal places`);
  return undefined;
}

export function booleanOf(reading: Reading, at: Found): boolean | undefined {
  const value = isScalar(at.node) ? at.node.value : undefined;
  return typeof value === "boolean" ? value : wrongType(reading, at, "true or false");
}

export function nameOf(reading: Reading, at: Found): string | undefined {
  const text = textOf(reading, at);
  if (text === undefined || isName(text)) return text;
  reading.issues.add(at, `is not a name: ${nameRule}`);
  return undefined;
}

/** A name that no entry before it in the section has. */
export function newNameOf(reading: Reading, at: Found, taken: Map<string, Place>): string | undefined {
  const name = nameOf(reading, at);
  if (name === undefined) return undefined;
  const former = taken.get(name);
  if (former) reading.issues.add(at, `is \`${name}\` as on line ${former.line}; names are unique`);
  else taken.set(name, at.at);
  return name;
}

export function wrongType(reading: Reading, at: Found, wanted: string): undefined {
  const is = typeName(at.node);
  const hint = wanted === "text" && isQuotable(at.node) ? "; put it in quotes" : "";
  reading.issues.add(
    at,
    is === undefined ? `is empty; it must be ${wanted}` : `must be ${wanted}, but is ${is}${hint}`,
  );
  return undefined;
}

function isQuotable(node: Node | undefined): boolean {
  return isScalar(node) && node.value !== null;
}

function typeName(node: Node | undefined): string | undefined {
  if (isMap(node)) return "a mapping";
  if (isSeq(node)) return "a list";
  if (!isScalar(node) || node.value === null) return undefined;
  const { value } = node;
  if (typeof value === "boolean") return "true or false";
  return typeof value === "number" || typeof value === "bigint" ? "a number" : "text";
}
