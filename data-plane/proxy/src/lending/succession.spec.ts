// Who wrongly stood in for another would give back what that one goes on spending.

import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { standsIn } from "./succession.ts";

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "tollgate-succession-"));
  directory = join(parent, "data");
  mkdirSync(directory);
});
afterEach(() => rmSync(parent, { recursive: true }));

test("the next boot in the same directory of the same machine stands in; the first stands in for nobody", () => {
  expect([1, 2, 3].map(() => standsIn(directory, "boot-a"))).toEqual([false, true, true]);
});

test("after the machine was started again, or on another one, nobody stands in", () => {
  standsIn(directory, "boot-a");
  expect(standsIn(directory, "boot-b")).toBe(false);
  expect(standsIn(directory, "boot-b")).toBe(true);
});

test("a copy does not stand in for what it was copied from, also in its place", () => {
  standsIn(directory, "boot-a");
  cpSync(directory, join(parent, "copy"), { recursive: true, preserveTimestamps: true });
  expect(standsIn(join(parent, "copy"), "boot-a")).toBe(false);
  renameSync(directory, join(parent, "away"));
  cpSync(join(parent, "away"), directory, { recursive: true });
  expect(standsIn(directory, "boot-a")).toBe(false);
  expect(standsIn(join(parent, "away"), "boot-a")).toBe(true);
});

test("where nobody says when the machine was started, nobody stands in", () => {
  standsIn(directory, undefined);
  // This machine may say it; a boot without a name is what is tested.
  expect(standsIn(directory, "")).toBe(false);
});
