// A proxy's id and epochs are what keeps its facts apart: never twice the same, whatever happened to the directory.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openIdentity } from "./epochs.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-epochs-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

test("the id stays and the epochs go on over restarts, also where the clock stood still or went back", () => {
  const first = openIdentity(directory, () => 1_000);
  expect([first.nextEpoch(), first.nextEpoch()]).toEqual([1_000n, 1_001n]);
  const second = openIdentity(directory, () => 10);
  expect(second.proxyId).toBe(first.proxyId);
  expect(second.nextEpoch()).toBe(1_002n);
});

test("an epoch is on disk before it is used, so that a crash in between costs an epoch and not a fact", () => {
  const epoch = openIdentity(directory, () => 1).nextEpoch();
  expect(readFileSync(join(directory, "proxy.json"), "utf8")).toContain(`"epoch":"${epoch}"`);
});

test("a directory restored from a backup does not hand out an epoch again", () => {
  const path = join(directory, "proxy.json");
  openIdentity(directory, () => 1_000);
  const backup = readFileSync(path);
  const used = openIdentity(directory, () => 2_000).nextEpoch();
  writeFileSync(path, backup);
  expect(openIdentity(directory, () => 3_000).nextEpoch()).toBeGreaterThan(used);
});

test("a damaged file makes a new proxy, whose facts lie apart from the old one's", () => {
  const before = openIdentity(directory, () => 1);
  writeFileSync(join(directory, "proxy.json"), '{"proxyId":');
  const after = openIdentity(directory, () => 1);
  expect(after.proxyId).not.toBe(before.proxyId);
  expect(after.spoolDirectory).not.toBe(before.spoolDirectory);
});

test("without a usable directory each boot is a new proxy, and says so", () => {
  const blocked = join(directory, "blocked");
  writeFileSync(blocked, "");
  const identities = [openIdentity(blocked, () => 1), openIdentity(blocked, () => 1)];
  expect(new Set(identities.map(({ proxyId }) => proxyId)).size).toBe(2);
  for (const { temporaryBecause, spoolDirectory } of identities) {
    expect(temporaryBecause).toBeDefined();
    mkdirSync(join(spoolDirectory, "1"));
    rmSync(dirname(dirname(spoolDirectory)), { recursive: true });
  }
});
