// What a set of patterns grants. It is held against the plainest reading of the rule, a regular expression, and against names
// that would make a careless matcher take for ever.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allowedBy, bothOf, grantKinds, grantOf } from "./grant.ts";
import type { GrantKind } from "./tool-pattern.ts";

/** The rule as it is told: `*` is any run of characters, within a segment but for URIs; alone it is all that a server has. */
function reference(patterns: readonly string[], kind: GrantKind, server: string, name: string): boolean {
  return patterns.some((text) => {
    const [, of = "tool", servers = "", names = ""] = /^(?:(prompt|resource):)?([^/]*)\/(.*)$/s.exec(text) ?? [];
    if (!expression(servers, "[^/]*").test(server)) return false;
    if (names === "*") return of === "tool" || of === kind;
    return of === kind && expression(names, kind === "resource" ? ".*" : "[^/]*").test(name);
  });
}

function expression(glob: string, star: string): RegExp {
  const source = glob.replace(/[.*+?^${}()|[\]\\]/g, (sign) => (sign === "*" ? star : `\\${sign}`));
  return new RegExp(`^${source}$`, "s");
}

// Three letters and the signs that matter, so that patterns and names meet. No two dots in a row: what climbs has its own test.
const letters = ["a", "b", "_"];
const segment = fc.string({ unit: fc.constantFrom(...letters, "*"), minLength: 1, maxLength: 4 });
const prefix = fc.constantFrom("", "", "prompt:", "resource:");
const pattern = fc
  .tuple(prefix, fc.array(fc.oneof(segment, fc.constant("*")), { minLength: 2, maxLength: 3 }))
  .map(([kind, segments]) => kind + segments.join("/"));
const server = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 3 });
const name = fc.string({ unit: fc.constantFrom(...letters, "*", "/"), maxLength: 6 });
const kinds = fc.constantFrom(...grantKinds);

describe("a set of patterns", () => {
  test("grants what its regular expressions match, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 4 }),
        fc.array(fc.tuple(kinds, server, name), { minLength: 1, maxLength: 20 }),
        (patterns, asked) => {
          const grant = grantOf(patterns);
          for (const [kind, of, one] of asked) {
            const expected = reference(patterns, kind, of, one);
            expect(allowedBy(grant, kind, of, one), `${patterns.join(" ")} on ${kind} ${of}/${one}`).toBe(expected);
            if (expected) expect(grant.reaches(kind, of)).toBe(true);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["github/*", "github", "search_code", true],
    ["github/*", "github", "", true],
    ["github/*", "github-evil", "x", false],
    ["github/*", "github", "a/b", true],
    ["github/a*", "github", "a/b", false],
    ["github/*/*", "github", "a/b", true],
    ["*/*", "any", "thing", true],
    ["*/*", "any", "thing/else", true],
    ["files/read_*", "files", "read_", true],
    ["files/read_*", "files", "write_read_x", false],
    ["files/*_*_x", "files", "a_b_x", true],
    ["files/*_*_x", "files", "_x", false],
    ["files/aba*aba", "files", "ababa", false],
    ["Files/Read", "files", "read", false],
    ["a.b/c", "axb", "c", false],
  ])("%s on %s/%s: %s", (text, server, tool, expected) => {
    expect(grantOf([text]).allows(server, tool)).toBe(expected);
  });

  test.each<[string, GrantKind, string, boolean]>([
    ["github/*", "prompt", "review", true],
    ["github/*", "resource", "repo://x/y", true],
    ["git*/*", "resource", "repo://x/y", true],
    ["github/review*", "prompt", "review", false],
    ["github/*_*", "prompt", "code_review", false],
    ["prompt:github/*", "prompt", "any/thing", true],
    ["prompt:github/*", "tool", "review", false],
    ["prompt:github/review_*", "prompt", "review_code", true],
    ["prompt:github/review_*", "prompt", "review_a/b", false],
    ["resource:github/*", "resource", "repo://x", true],
    ["resource:github/*", "prompt", "x", false],
    ["resource:github/repo://*", "resource", "repo://a/b/c", true],
    ["resource:github/repo://*.md", "resource", "repo://a/b.md", true],
    ["resource:github/repo://a", "resource", "repo://a/", false],
  ])("%s on the %s github/%s: %s", (text, kind, one, expected) => {
    expect(allowedBy(grantOf([text]), kind, "github", one)).toBe(expected);
  });

  // A server that resolves such a path would give what is above the granted folder.
  test.each([
    ...[
      "file:///srv/docs/../../etc/passwd",
      "file:///srv/docs/..",
      "file:///srv/docs/%2e%2E/x",
      "file:///srv/docs/..%2fx",
    ],
    ...["file:///srv/docs/%252e./x", "file:///srv/docs/a\\..\\b", "file:///srv/docs/..?x"],
  ])("a part of a server's URIs does not grant %s; its own name and the whole server do", (uri) => {
    const allows = (text: string) => grantOf([text]).allowsResource("files", uri);
    expect(allows("resource:files/file:///srv/docs/*")).toBe(false);
    expect([allows("resource:files/*"), allows("files/*"), allows(`resource:files/${uri}`)]).toEqual([
      true,
      true,
      true,
    ]);
  });

  test("grants URIs with dots in their names", () => {
    const { allowsResource } = grantOf(["resource:files/file:///srv/*"]);
    for (const uri of ["file:///srv/a..b", "file:///srv/.../x", "file:///srv/.env", "file:///srv/x?from=1..2"])
      expect(allowsResource("files", uri), uri).toBe(true);
  });

  test("that is empty reaches nothing", () => {
    fc.assert(
      fc.property(kinds, server, name, (kind, of, one) => {
        expect(allowedBy(grantOf([]), kind, of, one) || grantOf([]).reaches(kind, of)).toBe(false);
      }),
    );
  });

  test("is compiled once, however it is ordered or repeated", () => {
    const matcher = grantOf(["a/b", "c/*"]);
    expect(grantOf(["c/*", "a/b", "a/b"])).toBe(matcher);
    expect(grantOf(["c/*"])).not.toBe(matcher);
  });

  test("stays right when more sets have been seen than are kept", () => {
    for (let i = 0; i < 10_100; i++) grantOf([`server/tool-${i}`]);
    expect(grantOf(["server/tool-0"]).allows("server", "tool-0")).toBe(true);
    expect(grantOf(["server/tool-0"]).allows("server", "tool-1")).toBe(false);
  });

  // With a backtracking expression each of these takes longer than the universe has; here, within the test's time.
  test("answers a name of a million characters at once, whatever the stars", () => {
    const stars = `s/${"*a".repeat(100)}b`;
    const pieces = `s/${"*aaaaaaab".repeat(20)}*`;
    expect(grantOf([stars]).allows("s", "a".repeat(1_000_000))).toBe(false);
    expect(grantOf([pieces]).allows("s", "a".repeat(1_000_000))).toBe(false);
  });
});

describe("two grants together", () => {
  test("grant what both do", () => {
    fc.assert(
      fc.property(fc.array(pattern), fc.array(pattern), kinds, server, name, (a, b, kind, of, one) => {
        const both = bothOf(grantOf(a), grantOf(b));
        const expected = reference(a, kind, of, one) && reference(b, kind, of, one);
        expect(allowedBy(both, kind, of, one)).toBe(expected);
        if (expected) expect(both.reaches(kind, of)).toBe(true);
      }),
    );
  });

  test("are made once, and reach a server of which they allow different kinds not at all", () => {
    const [tools, prompts] = [grantOf(["github/read"]), grantOf(["prompt:github/*"])];
    const both = bothOf(tools, prompts);
    expect(bothOf(tools, prompts)).toBe(both);
    expect(bothOf(tools, tools)).toBe(tools);
    expect(grantKinds.filter((kind) => both.reaches(kind, "github"))).toEqual([]);
  });
});
