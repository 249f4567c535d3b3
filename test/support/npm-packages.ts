// Provides npm packages that some tests need and the workspace does not depend on: real clients, other people's servers. A
// folder with a package.json, a lockfile and an .npmrc says which; they are installed once for each content of that
// lockfile, without install scripts, into a folder below `.cache/` that git ignores. What it cannot do (no npm, no way to a
// registry) it reports in a sentence instead of failing, so that a suite can skip itself. It starts none of the packages.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

export type NpmPackages = { readonly folder: string } | { readonly missing: string };

const installMsMax = 600_000;
const saidCharsMax = 400;
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
  const lock = await readFile(join(manifestFolder, "package-lock.json"));
  const edition = createHash("sha256").update(lock).digest("hex").slice(0, 12);
  const folder = join(repositoryRoot(), ".cache", `${basename(manifestFolder)}-${edition}`);
  if (existsSync(folder)) return { folder };
  const failure = await installInto(folder, manifestFolder);
  return failure === undefined ? { folder } : { missing: failure };
}

/** Returns why it could not. The folder appears whole or not at all, also when several workers install at once. */
async function installInto(folder: string, manifestFolder: string): Promise<string | undefined> {
  await mkdir(dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(`${folder}-`);
  try {
    for (const name of manifests) await copyFile(join(manifestFolder, name), join(unfinished, name));
    await install(unfinished);
    await rename(unfinished, folder);
    return undefined;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (existsSync(folder)) return undefined;
    return `npm could not install what ${basename(manifestFolder)}/package.json names: ${saidBy(error)}`;
  }
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

function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = "stderr" in error && error.stderr !== "" ? String(error.stderr) : error.message;
  return said.trim().slice(0, saidCharsMax);
}

/** Known by the workspace's own configuration: the folders of manifests have lockfiles, too. */
function repositoryRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "nx.json"))) {
    if (dirname(folder) === folder) throw new Error("no nx.json above the tests");
    folder = dirname(folder);
  }
  return folder;
}
