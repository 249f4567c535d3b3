// A proxy's id and epochs are what keeps its facts apart: never twice the same, whatever happened to the directory.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DirectoryInUse } from "./directory-lock.ts";
import { openIdentity, type ProxyIdentity } from "./epochs.ts";

let directory: string;
let running: ProxyIdentity | undefined;

/** As after a restart: the process before has ended. */
function boot(wallMs: () => number, from = directory): ProxyIdentity {
  running?.release();
  running = openIdentity(from, wallMs);
  return running;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-epochs-"));
});

afterEach(() => {
  running?.release();
  running = undefined;
  rmSync(directory, { recursive: true });
});

test("the id stays and the epochs go on over restarts, also where the clock stood still or went back", () => {
  const first = boot(() => 1_000);
  expect([first.nextEpoch(), first.nextEpoch()]).toEqual([1_000n, 1_001n]);
  const second = boot(() => 10);
  expect(second.proxyId).toBe(first.proxyId);
  expect(second.nextEpoch()).toBe(1_002n);
});

test("an epoch is on disk before it is used, so that a crash in between costs an epoch and not a fact", () => {
  const epoch = boot(() => 1).nextEpoch();
  expect(readFileSync(join(directory, "proxy.json"), "utf8")).toContain(`"epoch":"${epoch}"`);
});

test("a directory restored from a backup does not hand out an epoch again", () => {
  const path = join(directory, "proxy.json");
  boot(() => 1_000);
  const backup = readFileSync(path);
  const used = boot(() => 2_000).nextEpoch();
  writeFileSync(path, backup);
  expect(boot(() => 3_000).nextEpoch()).toBeGreaterThan(used);
});

test("a damaged file makes a new proxy, whose facts lie apart from the old one's", () => {
  const before = boot(() => 1);
  writeFileSync(join(directory, "proxy.json"), '{"proxyId":');
  const after = boot(() => 1);
  expect(after.proxyId).not.toBe(before.proxyId);
  expect(after.spoolDirectory).not.toBe(before.spoolDirectory);
});

test("without a usable directory each boot is a new proxy, and says so", () => {
  const blocked = join(directory, "blocked");
  writeFileSync(blocked, "");
  const identities = [boot(() => 1, blocked), boot(() => 1, blocked)];
  expect(new Set(identities.map(({ proxyId }) => proxyId)).size).toBe(2);
  for (const { temporaryBecause, spoolDirectory } of identities) {
    expect(temporaryBecause).toBeDefined();
    mkdirSync(join(spoolDirectory, "1"));
    rmSync(dirname(dirname(spoolDirectory)), { recursive: true });
  }
});

test("a directory that a proxy holds is refused, not taken for an unusable one, until that proxy lets go", () => {
  const first = boot(() => 1);
  expect(() => openIdentity(directory, () => 1)).toThrow(DirectoryInUse);
  expect(() => openIdentity(directory, () => 1)).toThrow(`Another proxy runs on ${directory} already`);
  const epoch = first.nextEpoch();
  const next = boot(() => 1);
  expect([next.proxyId, next.temporaryBecause]).toEqual([first.proxyId, undefined]);
  expect(next.nextEpoch()).toBeGreaterThan(epoch);
});
