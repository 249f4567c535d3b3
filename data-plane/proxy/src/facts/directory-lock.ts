// One proxy a directory. Two that shared an id would both number their facts from the same epochs, and each would send and
// tidy away what the other still writes. The lock is the operating system's own on a file, so it ends with the process
// however that ends: nothing is left behind that a later start would have to judge by a process id. Node reaches such locks
// only through SQLite, so the file is an empty database with a transaction that never ends; nothing is ever written to it.
// It protects from a second start, not from somebody who deletes the file.

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export type DirectoryLock = {
  /** For who goes on living afterwards; a process that ends need not. */
  release(): void;
};

/** Somebody else holds the directory. The message is a sentence for a person. */
export class DirectoryInUse extends Error {}

const sqliteBusy = 5;

export function lockDirectory(directory: string): DirectoryLock {
  const file = new DatabaseSync(join(directory, "proxy.lock"), { timeout: 0 });
  try {
    file.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    file.close();
    if (!isBusy(cause)) throw cause;
    throw new DirectoryInUse(`Another proxy runs on ${directory} already; give each its own TOLLGATE_DATA_DIR.`, {
      cause,
    });
  }
  return { release: () => file.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === sqliteBusy;
}
