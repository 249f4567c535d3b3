// Where the workers of one proxy have their sockets: a directory that is made at each start, by this user for this user alone,
// under a name that nobody could make before. It lies beside the proxy's key where that is near enough: a socket's path may
// have 107 bytes, and not every disk takes sockets. Otherwise it lies in the system's temporary directory, if nobody can put
// another in its place there. Whoever holds the proxy's directory removes what a former boot left.

import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { DirectoryInUse, lockDirectory, type DirectoryLock } from "./facts/directory-lock.ts";

export type RuntimeDirectory = {
  readonly path: string;
  /** With all that is in it. */
  remove(): void;
};

const socketPathBytesMax = 107;
/** The longest name that a socket in it has. */
const longestName = "w9999.sock";
const prefix = "run-";
const temporaryPrefix = "tollgate-run-";
/** Says where the directory is when it is elsewhere, so that the next boot finds it. */
const elsewhereName = "run.elsewhere";

/**
 * `directory` is the proxy's own, and no other process of ours is at work in it. Rejects where there is no place for it,
 * with a sentence for a person.
 */
export async function openRuntimeDirectory(directory: string, temporary = tmpdir()): Promise<RuntimeDirectory> {
  removeLeftOver(directory, temporary);
  const beside = await madeWhere(join(directory, prefix));
  if (beside !== undefined) return { path: beside, remove: () => remove(beside) };
  const elsewhere = keepsToOwners(temporary) ? await madeWhere(join(temporary, temporaryPrefix)) : undefined;
  if (elsewhere === undefined)
    throw new Error(
      `neither ${directory} nor ${temporary} can hold the workers' sockets: their paths have ${socketPathBytesMax} bytes at most`,
    );
  const note = join(directory, elsewhereName);
  // A copy of the proxy's directory has a copy of the note, and must not take this one's sockets away.
  const lock = lockDirectory(elsewhere);
  try {
    writeFileSync(note, elsewhere, { mode: 0o600 });
  } catch {
    // A full disk again. What it costs is an empty directory, after a boot that is killed.
  }
  return {
    path: elsewhere,
    remove() {
      lock.release();
      remove(elsewhere);
      remove(note);
    },
  };
}

/** Undefined where the path would be too long or the disk takes no sockets. */
async function madeWhere(start: string): Promise<string | undefined> {
  if (Buffer.byteLength(join(`${start}XXXXXX`, longestName)) > socketPathBytesMax) return undefined;
  // A directory with this name that is there already is never taken; a new one has mode 700.
  let path: string;
  try {
    path = mkdtempSync(start);
  } catch {
    // A disk that is full, or not to be written to.
    return undefined;
  }
  if (await takesSockets(path)) return path;
  remove(path);
  return undefined;
}

function takesSockets(directory: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    // Closing removes the socket, too.
    server.listen(join(directory, longestName), () => server.close(() => resolve(true)));
  });
}

function removeLeftOver(directory: string, temporary: string): void {
  for (const name of readdirSync(directory)) if (/^run-.{6}$/.test(name)) remove(join(directory, name));
  const note = join(directory, elsewhereName);
  const noted = textOf(note);
  if (noted === undefined) return;
  // The note is ours, and what stands there by now may be somebody else's.
  const isPlace = dirname(noted) === temporary && basename(noted).startsWith(temporaryPrefix);
  if (isPlace && isOurs(noted) && isLeft(noted)) remove(noted);
  remove(note);
}

/** Whoever may write there, or owns it, could otherwise give our directory's name to another one. */
function keepsToOwners(temporary: string): boolean {
  const found = statSync(temporary, { throwIfNoEntry: false });
  if (found === undefined) return false;
  const isSticky = (found.mode & 0o1000) !== 0;
  return (found.uid === 0 || found.uid === process.getuid?.()) && (isSticky || (found.mode & 0o022) === 0);
}

function isLeft(path: string): boolean {
  let lock: DirectoryLock;
  try {
    lock = lockDirectory(path);
  } catch (error) {
    if (error instanceof DirectoryInUse) return false;
    throw error;
  }
  lock.release();
  return true;
}

function isOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.();
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
