// The workers' sockets take calls that nobody authenticates again: whoever could put a directory in their place, or enter it,
// would have them. And a proxy that is killed every day must not fill a disk with what it leaves.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRuntimeDirectory } from "./runtime-directory.ts";

let root: string;
let own: string;
let temporary: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tollgate-runtime-"));
  own = join(root, "proxy");
  temporary = join(root, "tmp");
  for (const path of [own, temporary]) mkdirSync(path);
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Too deep for a socket. */
function deep(): string {
  const path = join(own, "d".repeat(80));
  mkdirSync(path);
  return path;
}

/** As a process that opens it there and is killed. */
async function killedIn(directory: string): Promise<{ path: string }> {
  const module = JSON.stringify(new URL("runtime-directory.ts", import.meta.url).href);
  const script = `const { openRuntimeDirectory } = await import(${module});
    console.log((await openRuntimeDirectory(...process.argv.slice(1))).path);
    setInterval(() => undefined, 1_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, directory, temporary], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [path] = await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  return { path: String(path).trim() };
}

const longest = (path: string): number => Buffer.byteLength(join(path, "w9999.sock"));

test("it lies beside the proxy's key, for this user alone, under another name each time", async () => {
  const first = await openRuntimeDirectory(own, temporary);
  expect(first.path.startsWith(join(own, "run-"))).toBe(true);
  expect(statSync(first.path).mode & 0o777).toBe(0o700);
  expect(readdirSync(first.path)).toEqual([]);
  first.remove();
  expect(readdirSync(own)).toEqual([]);
  expect((await openRuntimeDirectory(own, temporary)).path).not.toBe(first.path);
});

test("what a boot that was killed has left is gone with the next start, and nothing else", async () => {
  const killed = await openRuntimeDirectory(own, temporary);
  writeFileSync(join(killed.path, "w0.sock"), "");
  writeFileSync(join(own, "proxy.key"), "");
  const next = await openRuntimeDirectory(own, temporary);
  expect(existsSync(killed.path)).toBe(false);
  expect(existsSync(next.path)).toBe(true);
  expect(readdirSync(own)).toHaveLength(2);
});

test("where the path would be too long for a socket it is elsewhere, and found again", async () => {
  const far = deep();
  const killed = await killedIn(far);
  expect(killed.path.startsWith(join(temporary, "tollgate-run-"))).toBe(true);
  expect(longest(killed.path)).toBeLessThanOrEqual(107);
  expect(statSync(killed.path).mode & 0o777).toBe(0o700);
  const next = await openRuntimeDirectory(far, temporary);
  expect(existsSync(killed.path)).toBe(false);
  next.remove();
  expect([readdirSync(temporary), readdirSync(far)]).toEqual([[], []]);
});

test("what somebody else has put where a former boot was is neither taken nor removed nor followed", async () => {
  const far = deep();
  const killed = await openRuntimeDirectory(far, temporary);
  killed.remove();
  const theirs = join(root, "theirs");
  mkdirSync(theirs);
  writeFileSync(join(theirs, "kept"), "");
  symlinkSync(theirs, killed.path);
  writeFileSync(join(far, "run.elsewhere"), killed.path);
  const next = await openRuntimeDirectory(far, temporary);
  expect(next.path).not.toBe(killed.path);
  expect(readdirSync(theirs)).toEqual(["kept"]);

  writeFileSync(join(far, "run.elsewhere"), theirs);
  await openRuntimeDirectory(far, temporary);
  expect(readdirSync(theirs)).toEqual(["kept"]);
});

test("a copy of the proxy's directory does not take the sockets of the one that runs", async () => {
  const far = deep();
  const running = await openRuntimeDirectory(far, temporary);
  const copy = join(own, "c".repeat(80));
  cpSync(far, copy, { recursive: true });
  const other = await openRuntimeDirectory(copy, temporary);
  expect(existsSync(running.path)).toBe(true);
  expect(other.path).not.toBe(running.path);
  for (const { remove } of [running, other]) remove();
  expect(readdirSync(temporary)).toEqual([]);
});

test("a temporary directory in which others could take its place is not used", async () => {
  chmodSync(temporary, 0o777);
  await expect(openRuntimeDirectory(deep(), temporary)).rejects.toThrow(/can hold the workers' sockets/);
  chmodSync(temporary, 0o1777);
  expect((await openRuntimeDirectory(join(own, "d".repeat(80)), temporary)).path.startsWith(temporary)).toBe(true);
});

test("where there is no place at all, a sentence says so", async () => {
  await expect(openRuntimeDirectory(deep(), join(temporary, "nowhere"))).rejects.toThrow(
    /can hold the workers' sockets/,
  );
});

test("a place with room is taken to the last byte", async () => {
  for (let more = 0; more < 120; more++) {
    const path = join(own, "d".repeat(more + 1));
    mkdirSync(path);
    const directory = await openRuntimeDirectory(path, temporary);
    // The test itself could open what is found; no path that the system would cut is among them.
    expect(longest(directory.path)).toBeLessThanOrEqual(107);
    if (!directory.path.startsWith(path)) {
      expect(longest(join(path, "run-XXXXXX"))).toBe(108);
      expect(readFileSync(join(path, "run.elsewhere"), "utf8")).toBe(directory.path);
      return;
    }
  }
  throw new Error("no path was too long");
});
