// A file system of a size that a test can fill to its last byte, mounted over a directory of a process that is stopped: what
// a full disk does at every call, and no limit on single files shows. Only a machine's administrator may mount one.

import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { closeSync, openSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Availability } from "./real-part.ts";

const run = promisify(execFile);

export interface SmallDisk extends AsyncDisposable {
  /** Nothing more can be written. */
  fill(): Promise<void>;
  free(): Promise<void>;
}

export async function smallDiskAvailability(): Promise<Availability> {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-disk-"));
  try {
    await mount(dir, 64 * 1024);
    await run("umount", [dir]);
    return { available: true };
  } catch {
    return { available: false, reason: "no file system may be mounted here" };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** What is in the directory is in the small file system, too, and ends with it. */
export async function mountSmallDisk(directory: string, bytes: number): Promise<SmallDisk> {
  const aside = await mkdtemp(join(tmpdir(), "tollgate-disk-"));
  await cp(directory, aside, { recursive: true });
  await mount(directory, bytes);
  await cp(aside, directory, { recursive: true });
  await rm(aside, { recursive: true, force: true });
  const ballast = join(directory, "ballast");
  return {
    fill: async () => fillWith(ballast),
    free: () => rm(ballast),
    // Also where a process that has it open still ends.
    [Symbol.asyncDispose]: async () => void (await run("umount", ["--lazy", directory])),
  };
}

function mount(directory: string, bytes: number): Promise<unknown> {
  return run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory]);
}

function fillWith(path: string): void {
  const file = openSync(path, "w");
  try {
    for (const piece of [64 * 1024, 4 * 1024, 1]) {
      const bytes = Buffer.alloc(piece);
      try {
        for (;;) writeSync(file, bytes);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}
