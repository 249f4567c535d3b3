// Which texts are patterns. What they grant is told in grant.spec.ts.

import { describe, expect, test } from "vitest";
import { limits } from "./limits.ts";
import { toolPatternProblem } from "./tool-pattern.ts";

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
    ["group:research", "is not of the form server/tool"],
    ["prompt:github", "is not of the form prompt:server/name"],
    ["prompt:/x", "has an empty segment"],
    ["resource:files", "is not of the form resource:server/uri"],
    ["resource:files/", "has an empty segment"],
    ["tool:github/x", "names a server that cannot be"],
    [`a/${"x".repeat(limits.toolPatternCharsMax)}`, `is longer than ${limits.toolPatternCharsMax} characters`],
  ])("%j", (text, problem) => {
    expect(toolPatternProblem(text)).toBe(problem);
  });

  test("only if it is none: these are patterns", () => {
    for (const text of [
      ...["a/b", "*/*", "a/b/c", "files/read_*", "x/~!@#$%", "prompt:github/review_*", "prompt:*/*"],
      ...["resource:files/file:///srv/docs/*", "resource:db*/postgres://*/schema", "resource:*/*"],
    ])
      expect(toolPatternProblem(text)).toBeUndefined();
  });
});
