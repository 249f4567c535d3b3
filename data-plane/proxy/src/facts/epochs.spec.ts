// A proxy's id and epochs are what keeps its facts apart: never twice the same, whatever happened to the directory.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DirectoryInUse } from "./directory-lock.ts";
import { openIdentity, type ProxyIdentity } from "./epochs.ts";

let directory: string;
let running: ProxyIdentity | undefined;

/** As after a restart: the process before has ended. */
function boot(from = directory): ProxyIdentity {
  running?.release();
  running = openIdentity(from);
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

test("the id stays, and an epoch that was used is known to be so in every later boot", () => {
  const first = boot();
  expect(first.usedUpTo()).toBe(0n);
  first.use(7n);
  const second = boot();
  expect([second.proxyId, second.usedUpTo()]).toEqual([first.proxyId, 7n]);
  expect(() => second.use(7n)).toThrow("was used already");
  second.use(9n);
  expect(second.usedUpTo()).toBe(9n);
});

test("an epoch is on disk before it is used, so that a crash in between costs an epoch and not a fact", () => {
  boot().use(12n);
  expect(readFileSync(join(directory, "proxy.json"), "utf8")).toContain('"epoch":"12"');
});

test("a damaged file makes a new proxy, whose facts lie apart from the old one's", () => {
  const before = boot();
  writeFileSync(join(directory, "proxy.json"), '{"proxyId":');
  const after = boot();
  expect(after.proxyId).not.toBe(before.proxyId);
  expect(after.spoolDirectory).not.toBe(before.spoolDirectory);
});

test("without a usable directory each boot is a new proxy, and says so", () => {
  const blocked = join(directory, "blocked");
  writeFileSync(blocked, "");
  const identities = [boot(blocked), boot(blocked)];
  expect(new Set(identities.map(({ proxyId }) => proxyId)).size).toBe(2);
  for (const { temporaryBecause, spoolDirectory } of identities) {
    expect(temporaryBecause).toBeDefined();
    mkdirSync(join(spoolDirectory, "1"));
    rmSync(dirname(dirname(spoolDirectory)), { recursive: true });
  }
});

test("a directory that a proxy holds is refused, not taken for an unusable one, until that proxy lets go", () => {
  const first = boot();
  expect(() => openIdentity(directory)).toThrow(DirectoryInUse);
  expect(() => openIdentity(directory)).toThrow(`Another proxy runs on ${directory} already`);
  first.use(3n);
  const next = boot();
  expect([next.proxyId, next.temporaryBecause]).toEqual([first.proxyId, undefined]);
  expect(next.usedUpTo()).toBe(3n);
});

test("a proxy that is known needs to write nothing to be itself", () => {
  const before = boot();
  before.use(5n);
  const path = join(directory, "proxy.json");
  const { ino, mtimeMs } = statSync(path);
  const after = boot();
  expect([after.proxyId, after.usedUpTo()]).toEqual([before.proxyId, 5n]);
  // The very file: a disk that is full would have made it another proxy, which nobody knows.
  expect([statSync(path).ino, statSync(path).mtimeMs]).toEqual([ino, mtimeMs]);
});
