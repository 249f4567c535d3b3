// Labels: what a call is marked with, so that it can be told to whose account it goes, as `project=apollo`. A key lists which
// names and values its calls may bring, since otherwise a client could choose whose account that is. In facts and
// in the texts of scopes a label is `name=value`; neither part holds a comma or an equals sign.

import { glob } from "./glob.ts";
import { isName, nameRule } from "./ids.ts";
import { limits } from "./limits.ts";

/** What a key permits of one label. `*` stands for any characters. */
export type PermittedLabels = { readonly name: string; readonly values: readonly string[] };

const valueForm = /^[a-zA-Z0-9._:/@+-]+$/;

/** Of `name=value`. */
export function labelParts(label: string): { readonly name: string; readonly value: string } {
  const equals = label.indexOf("=");
  return { name: label.slice(0, equals), value: label.slice(equals + 1) };
}

/** Why a text is not a label's value; undefined when it is one. */
export function labelValueProblem(value: string): string | undefined {
  const max = limits.labelValueCharsMax;
  if (value.length <= max && valueForm.test(value)) return undefined;
  return `is not 1 to ${max} letters, digits and . _ : / @ + -`;
}

export function labelPatternProblem(pattern: string): string | undefined {
  const problem = labelValueProblem(pattern.replaceAll("*", "x"));
  return problem === undefined ? undefined : `${problem}, with * for any of them`;
}

export function labelNameProblem(name: string): string | undefined {
  return isName(name) ? undefined : `is not a name: ${nameRule}`;
}

const compiled = new WeakMap<PermittedLabels, (value: string) => boolean>();

export function permitsLabel(permitted: readonly PermittedLabels[], name: string, value: string): boolean {
  const own = permitted.find((label) => label.name === name);
  if (!own) return false;
  const known = compiled.get(own);
  if (known) return known(value);
  const exact = new Set(own.values);
  const globs = own.values.filter((pattern) => pattern.includes("*")).map(glob);
  const matches = (text: string): boolean => exact.has(text) || globs.some((one) => one(text));
  compiled.set(own, matches);
  return matches(value);
}
