// One launcher a data directory. The lock is a file that names its holder, made whole by a hard link; a holder that was
// killed leaves it behind, and the next start sees by the holder's identity that nobody is there. It protects from a second
// `npm start`, not from somebody who deletes the file: PostgreSQL has a lock of its own underneath.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, isKnownProcess, isSame } from "./process-identity.ts";
import { Problem, fileProblem } from "./problem.ts";

const attemptsMax = 5;

export interface InstanceLock {
  release(): void;
}

export function lockDataDirectory(dataDir: string): InstanceLock {
  const path = join(dataDir, "launcher.lock");
  const self = identify(process.pid);
  const own = `${path}.${process.pid}`;
  const content = JSON.stringify(self);
  try {
    writeFileSync(own, content);
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      if (tryLink(own, path)) return { release: () => releaseOwn(path, content) };
      clearStale(path, dataDir);
    }
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw fileProblem(`The data directory ${dataDir} cannot be used`, cause);
  } finally {
    rmSync(own, { force: true });
  }
  throw new Problem(`Several launchers start on ${dataDir} at the same time.`);
}

function tryLink(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Moves a lock away whose holder is gone. What was moved is judged again: another starter may have been faster. */
function clearStale(path: string, dataDir: string): void {
  refuseIfHeld(path, dataDir);
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  try {
    refuseIfHeld(aside, dataDir);
  } catch (error) {
    tryLink(aside, path);
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function refuseIfHeld(path: string, dataDir: string): void {
  const holder = parse(path);
  if (isKnownProcess(holder) && isSame(holder))
    throw new Problem(
      `Tollgate runs on ${dataDir} already (process ${holder.pid}). Stop it, or set TOLLGATE_DATA_DIR to another directory.`,
    );
}

function releaseOwn(path: string, content: string): void {
  try {
    if (readFileSync(path, "utf8") === content) rmSync(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    // Gone, or cut off by a crash of the machine: either way nobody holds it.
    return undefined;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
