// Regular expressions of admins, run over what strangers send. They are RE2's, which need time in proportion to the text
// whatever the expression is, have no look-around and no references back. An expression is bounded in its length and in the
// program that it becomes, and is compiled once.

import { RE2JS } from "re2js";
import { limits } from "../limits.ts";

export type Pattern = RE2JS;

const compiled = new Map<string, Pattern>();
const compiledMax = 1_000;

/** Why it is no expression that is taken here; undefined where it is one. */
export function patternProblem(text: string): string | undefined {
  if (text.length > limits.policyPatternCharsMax) return `is longer than ${limits.policyPatternCharsMax} characters`;
  try {
    patternOf(text);
    return undefined;
  } catch (error) {
    return `is not a regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Throws on what `patternProblem` says no to. */
export function patternOf(text: string): Pattern {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  if (text.length > limits.policyPatternCharsMax) throw new Error("the expression is too long");
  const pattern = RE2JS.compile(text);
  if (pattern.programSize() > limits.policyPatternStepsMax) throw new Error("the expression is too large");
  if (compiled.size >= compiledMax) for (const oldest of compiled.keys()) if (compiled.delete(oldest)) break;
  compiled.set(text, pattern);
  return pattern;
}
