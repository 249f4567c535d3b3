// Names that clients see: a client that sends one back must reach the very tool it was shown, and no other.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seedFromEnv } from "../../../../../test/support/random.ts";
import {
  exposedCharsMax,
  exposedName,
  exposedServer,
  isAltered,
  prefixedUri,
  readPrefixedUri,
  separator,
} from "./names.ts";

const seed = seedFromEnv();
const serverName = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,61}[a-z0-9]$/);

test("plain names are shown as they are", () => {
  expect(exposedName("github", "create_issue")).toBe("github__create_issue");
  expect(exposedName("a.b", "x")).toMatch(/^a-b-[0-9a-f]{8}__x$/);
  expect(exposedName("github", "a/b")).toMatch(/^github__a_b_[0-9a-f]{8}$/);
});

test(`every name is short, plain, and leads back to its server (seed ${seed})`, () => {
  fc.assert(
    fc.property(serverName, fc.string({ minLength: 1, maxLength: 200, unit: "binary" }), (name, tool) => {
      const exposed = exposedName(name, tool);
      expect(exposed).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(exposed.length).toBeLessThanOrEqual(exposedCharsMax);
      const end = exposed.indexOf(separator);
      expect(exposed.slice(0, end)).toBe(exposedServer(name));
      const part = exposed.slice(end + separator.length);
      expect(isAltered(part) || part === tool).toBe(true);
    }),
    { seed, numRuns: 300 },
  );
});

test("different tools never share a name, and a server cannot take another's prefix", () => {
  fc.assert(
    fc.property(serverName, serverName, fc.string(), fc.string(), (a, b, x, y) => {
      fc.pre(a !== b || x !== y);
      expect(exposedName(a, x)).not.toBe(exposedName(b, y));
    }),
    { seed },
  );
  expect(exposedName("a", "b__c")).not.toBe(exposedName("a__b", "c"));
});

test("a URI that had to be told apart leads back to its server and to what that calls it", () => {
  fc.assert(
    fc.property(serverName, fc.webUrl({ withFragments: true, withQueryParameters: true }), (server, uri) => {
      expect(readPrefixedUri(prefixedUri(server, uri))).toEqual({ server, uri });
    }),
    { seed },
  );
  expect(readPrefixedUri("file:///a")).toBeUndefined();
});
