// What a proxy will dial and send: a URL that hides a credential or a header that begins another one must not get that far.

import { describe, expect, test } from "vitest";
import { limits } from "./limits.ts";
import { headerNameProblem, headerValueProblem, urlProblem } from "./server-rules.ts";

describe("a URL", () => {
  test.each(["https://a.example/mcp", "http://127.0.0.1:8000", "HTTPS://A.example/x?y=1", "http://[::1]:80/mcp"])(
    "%s is one",
    (url) => {
      expect(urlProblem(url)).toBeUndefined();
    },
  );

  test.each([
    ["", "holds a space or a character outside ASCII"],
    ["a.example/mcp", "is not a URL that begins with http:// or https://"],
    ["file:///etc/passwd", "is not a URL that begins with http:// or https://"],
    ["https:a.example", "is not a URL that begins with http:// or https://"],
    ["http:///mcp", "is not a URL that begins with http:// or https://"],
    ["http://a b/", "holds a space or a character outside ASCII"],
    ["http://a/\r\nx: y", "holds a space or a character outside ASCII"],
    ["http://а.example/", "holds a space or a character outside ASCII"],
    ["http://a:b:c/", "is not a URL"],
    ["http://[::1/", "is not a URL"],
    ["http://user@a/", "holds a user name or password; send credentials in `headers`"],
    ["http://:pass@a/", "holds a user name or password; send credentials in `headers`"],
    ["http://a/#here", "has a fragment, which is never sent"],
    ["http://a/#", "has a fragment, which is never sent"],
    [`http://a/${"x".repeat(limits.urlCharsMax)}`, `is longer than ${limits.urlCharsMax} characters`],
  ])("%j is none", (url, problem) => {
    expect(urlProblem(url)).toBe(problem);
  });
});

describe("a header", () => {
  test.each(["authorization", "X-Api-Key", "x_y", "a", "!#$%&'*+.^`|~-"])("may be named %s", (name) => {
    expect(headerNameProblem(name)).toBeUndefined();
  });

  test.each(["", "a b", "a:", "a\r\nb", "ä", "x".repeat(129), "(x)"])("may not be named %j", (name) => {
    expect(headerNameProblem(name)).toBe("is not the name of an HTTP header");
  });

  test.each(["Host", "content-length", "Transfer-Encoding", "connection", "mcp-session-id", "Content-Type"])(
    "%s is the gate's own",
    (name) => {
      expect(headerNameProblem(name)).toBe("is a header that the gate sets itself");
    },
  );

  test.each(["", "Bearer abc", "a\tb", "~!@#"])("may hold %j", (value) => {
    expect(headerValueProblem(value)).toBeUndefined();
  });

  test.each([
    ["a\r\nx-evil: 1", "holds a line break, which no header may"],
    ["a\n", "holds a line break, which no header may"],
    ["a\0", "holds a character that no header may"],
    ["ä", "holds a character that no header may"],
    [" a", "begins or ends with a space"],
    ["a\t", "begins or ends with a space"],
    ["x".repeat(limits.headerValueBytesMax + 1), `is longer than ${limits.headerValueBytesMax} bytes`],
  ])("may not hold %j", (value, problem) => {
    expect(headerValueProblem(value)).toBe(problem);
  });
});
