// Provides npm packages that some tests need and the workspace does not depend on: real clients, other people's servers. A
// folder with a package.json, a lockfile and an .npmrc says which; they are installed once for each content of that
// lockfile, without install scripts, into a cached folder. What it cannot do (no npm, no way to a registry) it reports in a
// sentence instead of failing, so that a suite can skip itself. It starts none of the packages.
import { execFile } from "node:child_process";
import { copyFile, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { cachedFolder, saidBy } from "./cached-folder.ts";

export type NpmPackages = { readonly folder: string } | { readonly missing: string };

const installMsMax = 600_000;
const manifests = ["package.json", "package-lock.json", ".npmrc"];

const found = new Map<string, Promise<NpmPackages>>();

/** The folder that holds `node_modules`. Looks, and installs, at most once in a process. */
export function npmPackages(manifestFolder: string): Promise<NpmPackages> {
  const known = found.get(manifestFolder);
  if (known !== undefined) return known;
  const looking = find(manifestFolder);
  found.set(manifestFolder, looking);
  return looking;
}

async function find(manifestFolder: string): Promise<NpmPackages> {
  const name = basename(manifestFolder);
  const edition = [await readFile(join(manifestFolder, "package-lock.json"))];
  const made = await cachedFolder({
    ...{ name, edition },
    async fill(folder) {
      for (const file of manifests) await copyFile(join(manifestFolder, file), join(folder, file));
      await install(folder);
    },
  });
  if ("folder" in made) return made;
  return { missing: `npm could not install what ${name}/package.json names: ${made.failure}` };
}

/**
 * `npm ci` refuses a lockfile that names packages of other platforms which a registry does not carry; `npm install` takes
 * the same versions from the same lockfile. With the whole environment: how npm reaches its registry is not ours to know.
 */
async function install(folder: string): Promise<void> {
  const options = { cwd: folder, timeout: installMsMax, maxBuffer: 1 << 24 };
  const run = (command: string) => promisify(execFile)("npm", [command, "--loglevel=error"], options);
  try {
    await run("ci");
  } catch (error) {
    if (!saidBy(error).includes("EUSAGE")) throw error;
    await run("install");
  }
}
