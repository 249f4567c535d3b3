// Patterns that grant tools: `server/tool`, where `*` stands for any characters within one segment. A set of patterns is
// compiled once and shared by every key that has the same set. Matching is linear in the tool's name: a pattern is cut at
// its stars and the pieces are looked for from left to right; there is no regular expression to run away.

import { limits } from "./limits.ts";

export type ToolMatcher = (server: string, tool: string) => boolean;

/** Why a text is no pattern; undefined when it is one. */
export function toolPatternProblem(pattern: string): string | undefined {
  if (pattern.length > limits.toolPatternCharsMax) return `is longer than ${limits.toolPatternCharsMax} characters`;
  const segments = pattern.split("/");
  if (segments.length < 2) return "is not of the form server/tool";
  if (segments.some((segment) => segment === "")) return "has an empty segment";
  return /^[\x21-\x7e]+$/.test(pattern) ? undefined : "holds a space or a character outside ASCII";
}

const shared = new Map<string, ToolMatcher>();
/** Sets kept for sharing. One that falls out is compiled again when its next key comes; nothing breaks. */
const sharedSetsMax = 10_000;

export function toolMatcher(patterns: readonly string[]): ToolMatcher {
  const set = [...new Set(patterns)].sort();
  const name = set.join("\n");
  const known = shared.get(name);
  if (known) return known;
  const matcher = compile(set);
  if (shared.size >= sharedSetsMax) for (const oldest of shared.keys()) if (shared.delete(oldest)) break;
  shared.set(name, matcher);
  return matcher;
}

function compile(patterns: readonly string[]): ToolMatcher {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const globs = patterns
    .filter((pattern) => pattern.includes("*"))
    .map((pattern) => pattern.split("/").map(segmentMatcher));
  return (server, tool) => {
    const name = `${server}/${tool}`;
    if (exact.has(name)) return true;
    if (globs.length === 0) return false;
    const segments = name.split("/");
    return globs.some(
      (glob) => glob.length === segments.length && glob.every((matches, index) => matches(segments[index] ?? "")),
    );
  };
}

function segmentMatcher(pattern: string): (segment: string) => boolean {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return (segment) => segment === pattern;
  return (segment) => {
    if (segment.length < head.length + tail.length || !segment.startsWith(head) || !segment.endsWith(tail))
      return false;
    let from = head.length;
    const end = segment.length - tail.length;
    for (const piece of rest) {
      const at = segment.indexOf(piece, from);
      if (at < 0 || at + piece.length > end) return false;
      from = at + piece.length;
    }
    return true;
  };
}
