// What a server says of a tool, prompt or resource, as text to hash, to compare and to look through. The canonical text covers
// all of a definition, its `_meta` included: whatever a server changes is a change. It is the same for two texts that differ
// only in spaces, escapes and the order of members; `1` and `1.0` are not the same, because only the server knows.

import { canonicalText, jsonTree, type JsonTree } from "./json-tree.ts";
import { limits } from "./limits.ts";

/** The text to hash; undefined for what is no JSON object. */
export function canonicalDefinition(json: string): string | undefined {
  const tree = jsonTree(json);
  return tree?.kind === "object" ? canonicalText(tree) : undefined;
}

/** `path` is a JSON Pointer; what is absent on one side is undefined there. Texts are JSON and may be cut. */
export type DefinitionChange = { path: string; before: string | undefined; after: string | undefined };

/** `isWhole` false where there were more changes than are told. */
export type DefinitionDifference = { changes: DefinitionChange[]; isWhole: boolean };

export function definitionDifference(before: string, after: string): DefinitionDifference {
  const changes: DefinitionChange[] = [];
  compare(jsonTree(before), jsonTree(after), "", changes);
  return {
    changes: changes.slice(0, limits.definitionChangesMax),
    isWhole: changes.length <= limits.definitionChangesMax,
  };
}

function compare(
  before: JsonTree | undefined,
  after: JsonTree | undefined,
  path: string,
  into: DefinitionChange[],
): void {
  if (into.length > limits.definitionChangesMax) return;
  const [was, is] = [before && partsOf(before), after && partsOf(after)];
  if (was && is && before?.kind === after?.kind) {
    for (const name of new Set([...was.keys(), ...is.keys()]))
      compare(was.get(name), is.get(name), `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, into);
    return;
  }
  const texts = [before, after].map((tree) => tree && canonicalText(tree));
  if (texts[0] !== texts[1]) into.push({ path, before: cut(texts[0]), after: cut(texts[1]) });
}

/** What can be compared part by part: not an object that says something twice. */
function partsOf(tree: JsonTree): Map<string, JsonTree> | undefined {
  if (tree.kind === "array") return new Map(tree.items.map((item, index) => [String(index), item]));
  if (tree.kind !== "object") return undefined;
  const parts = new Map(tree.members);
  return parts.size === tree.members.length ? parts : undefined;
}

function cut(text: string | undefined): string | undefined {
  const max = limits.definitionTextCharsMax;
  return text === undefined || text.length <= max ? text : `${text.slice(0, max).toWellFormed()}…`;
}

export type HiddenCharacters = { path: string; codePoints: number[] };

/** Where a definition holds what a person who reads it does not see, but a model does. The first of them. */
export function hiddenCharacters(json: string): HiddenCharacters[] {
  const found: HiddenCharacters[] = [];
  const look = (text: string, path: string): void => {
    const codePoints = new Set(Array.from(text.matchAll(hidden), ([sign]) => sign.codePointAt(0) ?? 0));
    if (codePoints.size > 0 && found.length < limits.definitionFlagsMax)
      found.push({ path, codePoints: [...codePoints].slice(0, limits.definitionFlagsMax) });
  };
  const walk = (tree: JsonTree, path: string): void => {
    if (tree.kind === "string") return look(tree.value, path);
    if (tree.kind === "array") return tree.items.forEach((item, index) => walk(item, `${path}/${index}`));
    if (tree.kind === "object")
      for (const [name, value] of tree.members) {
        const at = `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
        look(name, at);
        walk(value, at);
      }
  };
  const tree = jsonTree(json);
  if (tree) walk(tree, "");
  return found;
}

/**
 * Controls but for line breaks and tabs, formats (bidirectional ones, tags), all that is drawn as nothing, and lone surrogates.
 * Emoji are made with two of them, a selector and a joiner, which are let pass where they follow one.
 */
const hidden =
  /(?![\t\n\r])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?!\u200d|\ufe0f)[\p{Cf}\p{Default_Ignorable_Code_Point}]|(?<![\p{Extended_Pictographic}\p{Emoji_Modifier}\d#*])\ufe0f|(?<!\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d/gu;
