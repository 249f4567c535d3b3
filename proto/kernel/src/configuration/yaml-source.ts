// Text to a YAML tree with places. Depth, size and what aliases may repeat are bounded before anything walks the tree: the
// composer is recursive and its stack is the process's. Every error of the syntax has a sentence of ours, because the
// library's own quote the file, and the file may hold a secret.

import {
  Composer,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  isNode,
  Parser,
  YAMLParseError,
  type Alias,
  type CST,
  type Document,
  type Node,
  type YAMLError,
} from "yaml";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { limits } from "../limits.ts";
import type { IssueList, Place } from "./issue.ts";

export type YamlSource = {
  root: Node;
  placeOf(node: Node): Place;
  /** The node itself, or what it is an alias of. */
  targetOf(node: Node): Node;
};

/** The deepest that the format goes is six; what is deeper is a mistake or an attack. */
const depthMax = 20;
const aliasedNodesMax = 100_000;
const start: Place = { line: 1, column: 1 };

/** Undefined where the text is not one YAML document within bounds; `issues` then say why. */
export function readYaml(text: string, issues: IssueList): YamlSource | undefined {
  const refuse = (at: Place, predicate: string): undefined => {
    issues.add({ path: "", at }, predicate);
    return undefined;
  };
  const bytesMax = limits.configurationBytesMax;
  if (text.length > bytesMax || utf8ToBytes(text).length > bytesMax)
    return refuse(start, `is larger than ${bytesMax} bytes`);
  const placeAt = placesIn(text);
  const tokens = [...new Parser().parse(text)];
  const tooDeep = offsetDeeperThan(depthMax, tokens);
  if (tooDeep !== undefined) return refuse(placeAt(tooDeep), `is nested deeper than ${depthMax} levels here`);
  const document = compose(tokens, text.length);
  const problems = [...document.errors, ...document.warnings];
  const lines = new Set<number>();
  for (const { pos, code } of problems) {
    // What follows on the same line follows from the first.
    const at = placeAt(pos[0]);
    if (!lines.has(at.line)) refuse(at, `is not valid YAML here: ${syntaxProblems[code]}`);
    lines.add(at.line);
  }
  if (problems.length > 0) return undefined;
  if (!document.contents) return refuse(start, "is empty; it must at least say `version: 1`");
  const aliases = resolveAliases(document.contents);
  if (aliases.outcome === "refused") return refuse(placeAt(offsetOf(aliases.at)), aliases.predicate);
  const { targets } = aliases;
  return {
    root: document.contents,
    placeOf: (node) => placeAt(offsetOf(node)),
    targetOf: (node) => (isAlias(node) ? (targets.get(node) ?? node) : node),
  };
}

/** Lines are counted here and not by the parser, which misses some of them once it has met an error. */
function placesIn(text: string): (offset: number) => Place {
  const lines = new LineCounter();
  for (let next = 0; next >= 0; next = text.indexOf("\n", next) + 1 || -1) lines.addNewLine(next);
  return (offset) => {
    // Some of the library's errors point past the end.
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line, column: col };
  };
}

function compose(tokens: readonly CST.Token[], length: number): Document.Parsed {
  // `uniqueKeys` compares each key with each other; the reader checks keys itself, with a set.
  const composer = new Composer({ schema: "core", merge: false, resolveKnownTags: false, uniqueKeys: false });
  let first: Document.Parsed | undefined;
  for (const document of composer.compose(tokens, true, length)) {
    if (!first) {
      first = document;
      continue;
    }
    first.errors.push(new YAMLParseError([document.range[0], document.range[0]], "MULTIPLE_DOCS", ""));
    break;
  }
  if (!first) throw new Error("the composer was told to give a document");
  return first;
}

function offsetDeeperThan(max: number, tokens: readonly CST.Token[]): number | undefined {
  const open = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (depth > max) return token.offset;
    if (token.type === "document" && token.value) open.push({ token: token.value, depth: depth + 1 });
    if (!("items" in token)) continue;
    for (const { key, value } of token.items) {
      if (key) open.push({ token: key, depth: depth + 1 });
      if (value) open.push({ token: value, depth: depth + 1 });
    }
  }
  return undefined;
}

type Aliases =
  { outcome: "resolved"; targets: ReadonlyMap<Alias, Node> } | { outcome: "refused"; at: Node; predicate: string };

/** In the order of the text: an alias means the last anchor before it that is closed, so nothing can hold itself. */
function resolveAliases(root: Node): Aliases {
  const anchors = new Map<string, { node: Node; size: number }>();
  const targets = new Map<Alias, Node>();
  let aliased = 0;
  let refused: Aliases | undefined;
  const sizeOf = (node: unknown): number => {
    if (refused) return 0;
    if (isAlias(node)) {
      const anchor = anchors.get(node.source);
      if (!anchor)
        refused = { outcome: "refused", at: node, predicate: "has an alias here without an anchor before it" };
      else targets.set(node, anchor.node);
      aliased += anchor?.size ?? 0;
      if (aliased > aliasedNodesMax)
        refused = { outcome: "refused", at: node, predicate: `repeats more than ${aliasedNodesMax} nodes by aliases` };
      return anchor?.size ?? 0;
    }
    let size = 1;
    if (isMap(node)) for (const { key, value } of node.items) size += sizeOf(key) + sizeOf(value);
    if (isSeq(node)) for (const item of node.items) size += sizeOf(item);
    if (isNode(node) && node.anchor !== undefined) anchors.set(node.anchor, { node, size });
    return size;
  };
  sizeOf(root);
  return refused ?? { outcome: "resolved", targets };
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

const syntaxProblems = {
  ALIAS_PROPS: "an alias takes neither an anchor nor a tag",
  BAD_ALIAS: "the name of an alias or anchor is not one",
  BAD_COLLECTION_TYPE: "the tag does not fit what it stands before",
  BAD_DIRECTIVE: "the directive is not one that is understood",
  BAD_DQ_ESCAPE: "an escape in double quotes is not one; use single quotes for a plain backslash",
  BAD_INDENT: "the indentation does not fit the lines around it, or a bracket was left open",
  BAD_PROP_ORDER: "anchors and tags stand after the sign that begins an entry",
  BAD_SCALAR_START: "a text that begins with this character needs quotes",
  BLOCK_AS_IMPLICIT_KEY: "a second `:` on the line; put the text in quotes or on its own line",
  BLOCK_IN_FLOW: "an indented block cannot stand inside brackets",
  DUPLICATE_KEY: "a key occurs twice",
  IMPOSSIBLE: "it cannot be understood",
  KEY_OVER_1024_CHARS: "a key is longer than 1024 characters",
  MISSING_CHAR: "a closing quote or bracket, a comma, a colon or a space is missing",
  MULTILINE_IMPLICIT_KEY: "a key goes over more than one line; a `:` or a quote may be missing",
  MULTIPLE_ANCHORS: "one node has two anchors",
  MULTIPLE_DOCS: "a second document begins; a file is one",
  MULTIPLE_TAGS: "one node has two tags",
  NON_STRING_KEY: "a key is not text",
  RESOURCE_EXHAUSTION: "it is nested too deeply",
  TAB_AS_INDENT: "a tab indents the line; use spaces",
  TAG_RESOLVE_FAILED: "the tag is not known",
  UNEXPECTED_TOKEN: "something stands where it cannot; look for a missing quote, bracket, dash or line break",
} satisfies Record<YAMLError["code"], string>;
