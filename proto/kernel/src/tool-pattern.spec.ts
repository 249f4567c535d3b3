// What a key reaches. The matcher is held against the plainest reading of the rule, a regular expression, and against
// names that would make a careless one take for ever.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "./limits.ts";
import { toolMatcher, toolPatternProblem } from "./tool-pattern.ts";

/** The rule as it is told: `*` is any run of characters within a segment. */
function reference(patterns: readonly string[], server: string, tool: string): boolean {
  return patterns.some((pattern) => {
    const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (sign) => (sign === "*" ? "[^/]*" : `\\${sign}`));
    return new RegExp(`^${source}$`, "s").test(`${server}/${tool}`);
  });
}

// Three letters and the signs that matter, so that patterns and names meet.
const segment = fc.string({ unit: fc.constantFrom("a", "b", "*", ".", "_"), minLength: 1, maxLength: 6 });
const pattern = fc.array(segment, { minLength: 2, maxLength: 3 }).map((segments) => segments.join("/"));
const name = fc.string({ unit: fc.constantFrom("a", "b", "*", ".", "_", "/"), maxLength: 8 });

describe("a set of patterns", () => {
  test("matches what its regular expressions match, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 4 }),
        fc.array(fc.tuple(name, name), { minLength: 1, maxLength: 20 }),
        (patterns, names) => {
          const matches = toolMatcher(patterns);
          for (const [server, tool] of names)
            expect(matches(server, tool), `${patterns.join(" ")} on ${server}/${tool}`).toBe(
              reference(patterns, server, tool),
            );
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["github/*", "github", "search_code", true],
    ["github/*", "github", "", true],
    ["github/*", "github-evil", "x", false],
    ["github/*", "github", "a/b", false],
    ["*/*", "any", "thing", true],
    ["*/*", "any", "thing/else", false],
    ["files/read_*", "files", "read_", true],
    ["files/read_*", "files", "write_read_x", false],
    ["files/*_*_x", "files", "a_b_x", true],
    ["files/*_*_x", "files", "_x", false],
    ["files/aba*aba", "files", "ababa", false],
    ["Files/Read", "files", "read", false],
    ["a.b/c", "axb", "c", false],
  ])("%s on %s/%s: %s", (text, server, tool, expected) => {
    expect(toolMatcher([text])(server, tool)).toBe(expected);
  });

  test("that is empty reaches nothing", () => {
    fc.assert(
      fc.property(name, name, (server, tool) => {
        expect(toolMatcher([])(server, tool)).toBe(false);
      }),
    );
  });

  test("is compiled once, however it is ordered or repeated", () => {
    const matcher = toolMatcher(["a/b", "c/*"]);
    expect(toolMatcher(["c/*", "a/b", "a/b"])).toBe(matcher);
    expect(toolMatcher(["c/*"])).not.toBe(matcher);
  });

  test("stays right when more sets have been seen than are kept", () => {
    for (let i = 0; i < 10_100; i++) toolMatcher([`server/tool-${i}`]);
    expect(toolMatcher(["server/tool-0"])("server", "tool-0")).toBe(true);
    expect(toolMatcher(["server/tool-0"])("server", "tool-1")).toBe(false);
  });

  // With a backtracking expression each of these takes longer than the universe has; here, within the test's time.
  test("answers a name of a million characters at once, whatever the stars", () => {
    const stars = `s/${"*a".repeat(100)}b`;
    const pieces = `s/${"*aaaaaaab".repeat(20)}*`;
    expect(toolMatcher([stars])("s", "a".repeat(1_000_000))).toBe(false);
    expect(toolMatcher([pieces])("s", "a".repeat(1_000_000))).toBe(false);
  });
});

describe("a pattern is refused", () => {
  test.each([
    ["", "is not of the form server/tool"],
    ["github", "is not of the form server/tool"],
    ["/x", "has an empty segment"],
    ["x/", "has an empty segment"],
    ["a//b", "has an empty segment"],
    ["a/b c", "holds a space or a character outside ASCII"],
    ["a/ä", "holds a space or a character outside ASCII"],
    ["a/b\n", "holds a space or a character outside ASCII"],
    [`a/${"x".repeat(limits.toolPatternCharsMax)}`, `is longer than ${limits.toolPatternCharsMax} characters`],
  ])("%j", (text, problem) => {
    expect(toolPatternProblem(text)).toBe(problem);
  });

  test("only if it is none: these are patterns", () => {
    for (const text of ["a/b", "*/*", "a/b/c", "files/read_*", "x/~!@#$%"])
      expect(toolPatternProblem(text)).toBeUndefined();
  });
});
