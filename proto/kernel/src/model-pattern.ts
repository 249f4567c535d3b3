// Patterns that grant models: `provider/model`, where everything behind the first slash is the model and `*` stands for any
// characters within either part; without a slash the name of an alias, where `*` stands for any characters, too; and `*`
// alone for every alias and every model. A text that is no pattern grants nothing. What a provider's own patterns say, those of
// the models that it serves, has no provider before it and is read here as well.

import { glob } from "./glob.ts";
import { limits } from "./limits.ts";

export type ModelPattern = {
  matches: (provider: string, model: string) => boolean;
  matchesAlias: (name: string) => boolean;
};

const never = (): boolean => false;
const always = (): boolean => true;

/** Why a text is no pattern; undefined when it is one. */
export function modelPatternProblem(pattern: string): string | undefined {
  if (pattern.length > limits.modelPatternCharsMax) return `is longer than ${limits.modelPatternCharsMax} characters`;
  if (pattern === "") return "is empty";
  if (!isVisibleAscii(pattern)) return "holds a space or a character outside ASCII";
  const slash = pattern.indexOf("/");
  if (slash < 0) return couldBeName(pattern) ? undefined : "names an alias that cannot be";
  if (slash === pattern.length - 1) return "names no model behind its slash";
  return couldBeName(pattern.slice(0, slash)) ? undefined : "names a provider that cannot be";
}

/** Undefined for a text that is no pattern: it grants nothing. */
export function modelPattern(pattern: string): ModelPattern | undefined {
  if (pattern === "") return undefined;
  if (pattern === "*") return { matches: always, matchesAlias: always };
  const slash = pattern.indexOf("/");
  if (slash < 0) return { matches: never, matchesAlias: glob(pattern) };
  const [ofProvider, ofModel] = [glob(pattern.slice(0, slash)), glob(pattern.slice(slash + 1))];
  return { matches: (provider, model) => ofProvider(provider) && ofModel(model), matchesAlias: never };
}

/** Why a text is not a model's name as a provider calls it; undefined when it is one. */
export function modelNameProblem(name: string): string | undefined {
  if (name.length > limits.modelNameCharsMax) return `is longer than ${limits.modelNameCharsMax} characters`;
  if (name === "") return "is empty";
  if (name.includes("*")) return "holds a star; it is one model's name";
  return isVisibleAscii(name) ? undefined : "holds a space or a character outside ASCII";
}

/** Of the models that a provider serves, or that a credential is for, as the provider calls them. */
export function servedModelProblem(pattern: string): string | undefined {
  return modelNameProblem(pattern.replaceAll("*", "x"));
}

const served = new WeakMap<readonly string[], (model: string) => boolean>();

/** Whether a list of patterns of a provider's own names has a model; a list without any has all. */
export function servesModel(patterns: readonly string[], model: string): boolean {
  if (patterns.length === 0) return true;
  const known = served.get(patterns);
  if (known) return known(model);
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const globs = patterns.filter((pattern) => pattern.includes("*")).map(glob);
  const matches = (name: string) => exact.has(name) || globs.some((one) => one(name));
  served.set(patterns, matches);
  return matches(model);
}

/** Providers and aliases have names as everything has; a model's name is its provider's choice. */
function couldBeName(pattern: string): boolean {
  return /^[a-z0-9._*-]+$/.test(pattern);
}

function isVisibleAscii(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
