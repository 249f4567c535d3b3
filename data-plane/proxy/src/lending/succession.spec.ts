// Who wrongly stood in for another would give back what that one goes on spending.

import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { standsInFrom } from "./succession.ts";

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "tollgate-succession-"));
  directory = join(parent, "data");
  mkdirSync(directory);
});
afterEach(() => rmSync(parent, { recursive: true }));

test("the next boot in the same directory of the same machine stands in for all since the first, and that one for nobody", () => {
  expect([10n, 12n, 15n].map((usedUpTo) => standsInFrom(directory, usedUpTo, "boot-a"))).toEqual([11n, 11n, 11n]);
});

test("after the machine was started again, or on another one, nobody stands in for who was there before, now or later", () => {
  standsInFrom(directory, 10n, "boot-a");
  expect(standsInFrom(directory, 12n, "boot-b")).toBe(13n);
  expect(standsInFrom(directory, 14n, "boot-b")).toBe(13n);
});

test("a copy does not stand in for what it was copied from, also in its place, and not after its own restart", () => {
  standsInFrom(directory, 10n, "boot-a");
  cpSync(directory, join(parent, "copy"), { recursive: true, preserveTimestamps: true });
  expect(standsInFrom(join(parent, "copy"), 12n, "boot-a")).toBe(13n);
  expect(standsInFrom(join(parent, "copy"), 14n, "boot-a")).toBe(13n);
  renameSync(directory, join(parent, "away"));
  cpSync(join(parent, "away"), directory, { recursive: true });
  expect(standsInFrom(directory, 12n, "boot-a")).toBe(13n);
  expect(standsInFrom(join(parent, "away"), 12n, "boot-a")).toBe(11n);
});

test("where nobody says when the machine was started, nobody stands in", () => {
  standsInFrom(directory, 10n, undefined);
  // This machine may say it; a boot without a name is what is tested.
  expect(standsInFrom(directory, 12n, "")).toBe(13n);
});
