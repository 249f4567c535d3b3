// Folders below `.cache/`, which git ignores, that hold what some tests need and the workspace does not depend on. Each is filled
// once for each edition of what is to be in it. It appears whole or not at all, also when several workers fill it at once; what
// could not be fetched is told in the fetching program's own words, so that a suite can skip itself.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

export type CachedFolder = { readonly folder: string } | { readonly failure: string };

export interface Content {
  readonly name: string;
  /** What it is made of: where that changes, there is another folder. */
  readonly edition: readonly (string | Buffer)[];
  readonly fill: (folder: string) => Promise<void>;
}

const saidCharsMax = 400;

export async function cachedFolder({ name, edition, fill }: Content): Promise<CachedFolder> {
  const hash = createHash("sha256");
  for (const part of edition) hash.update(part);
  const folder = join(repositoryRoot(), ".cache", `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(folder)) return { folder };
  await mkdir(dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(`${folder}-`);
  try {
    await fill(unfinished);
    await rename(unfinished, folder);
    return { folder };
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    return existsSync(folder) ? { folder } : { failure: saidBy(error).slice(0, saidCharsMax) };
  }
}

/** What a program printed before it failed, or else what is known. */
export function saidBy(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = "stderr" in error && error.stderr !== "" ? String(error.stderr) : error.message;
  return said.trim();
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
