// Provides Python packages that some tests need: a file of requirements with the hash of each file says which, and they are
// installed once for each content of it and each kind of Python, into a cached folder that a program finds by PYTHONPATH. Nothing
// is built, so that no package runs code of its own. What it cannot do (no Python, no way to a registry) it reports in a sentence.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { promisify } from "node:util";
import { cachedFolder, saidBy } from "./cached-folder.ts";

export type PythonPackages = { readonly python: string; readonly folder: string } | { readonly missing: string };

const installMsMax = 300_000;
const python = "python3";
/** Compiled packages are for one version on one platform. */
const kindOfIt = "import sys, sysconfig; print(sys.version_info[:2], sysconfig.get_platform())";
const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
const asWritten = ["--require-hashes", "--no-deps", "--only-binary", ":all:"];

export async function pythonPackages(requirements: string): Promise<PythonPackages> {
  const run = promisify(execFile);
  let kind: string;
  try {
    kind = (await run(python, ["-c", kindOfIt])).stdout;
  } catch (error) {
    return { missing: `there is no ${python}: ${saidBy(error)}` };
  }
  const name = basename(dirname(requirements));
  const made = await cachedFolder({
    ...{ name, edition: [kind, await readFile(requirements)] },
    async fill(folder) {
      const args = [...pip, ...asWritten, "--target", folder, "-r", requirements];
      await run(python, args, { timeout: installMsMax, maxBuffer: 1 << 24 });
    },
  });
  if ("folder" in made) return { python, folder: made.folder };
  return { missing: `pip could not install what ${name}/requirements.txt names: ${made.failure}` };
}
