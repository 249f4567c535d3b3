// Former versions of the software, built from this repository's history into a directory of its own each: what runs on a
// database while its successor migrates it, and what stands on the other side of the line while one plane is upgraded and the
// other not. Sources come from git, packages from the present installation, so what is tested is our code and not an older
// dependency. It takes about three seconds.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Availability } from "./real-part.ts";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
export const repository = join(import.meta.dirname, "..", "..");
const migrations = "control-plane/api/src/migrations";
const ours = "@tollgate";

/** The planes' own packages; what they need of the rest is built with them. */
export type Part = "control-plane/api" | "data-plane/proxy";

export type Former = { availability: Availability; commit: string };

/** What the log stores of an event has changed once before a release; a version from before that change reads it otherwise. */
const format = { file: "proto/schema/proto/tollgate/v1/events.proto", text: "uint32 left = 8" };

const git = async (...args: string[]): Promise<string> => (await run("git", args, { cwd: repository })).stdout.trim();

/** By default each commit counts; along first parents a branch counts as one, with all that its merge brought. */
type Along = readonly ["--first-parent"] | readonly [];

/** The commit before the one that brought a file; "" where the history does not reach that far. */
async function commitBefore(file: string, along: Along): Promise<string> {
  const added = await git("log", ...along, "--diff-filter=A", "--format=%H", "-1", "--", file);
  return added === "" ? "" : git("rev-parse", "--verify", "--quiet", `${added}^1`);
}

/** The commit before the one that brought the newest migration, or the one that brought the log's format, if that is newer. */
async function commitBeforeMigration(along: Along): Promise<string> {
  const newest = (await readdir(join(repository, migrations)))
    .filter((name) => /^\d{4}-/.test(name))
    .sort()
    .at(-1);
  const before = await commitBefore(`${migrations}/${newest}`, along);
  if (before === "") return "";
  const formatted = await git("log", ...along, "--reverse", "--format=%H", `-S${format.text}`, "--", format.file);
  const first = formatted.split("\n")[0] ?? "";
  const knowsFormat = await git("merge-base", "--is-ancestor", first, before).then(
    () => true,
    () => false,
  );
  return knowsFormat ? before : first;
}

async function former(found: Promise<string>, what: string): Promise<Former> {
  const commit = await found.catch(() => "");
  const reason = `git or the history before ${what} is not here`;
  return { commit, availability: commit === "" ? { available: false, reason } : { available: true } };
}

export function formerVersion(): Promise<Former> {
  return former(commitBeforeMigration([]), "the newest migration");
}

/** Like the former version, but whole: with what other branches had brought by then, enrolment among it. */
export function formerWholeVersion(): Promise<Former> {
  return former(commitBeforeMigration(["--first-parent"]), "the newest migration");
}

/** As the software was when nothing of a feature was there, by a file that came with it. */
export function versionBefore(file: string): Promise<Former> {
  return former(commitBefore(file, ["--first-parent"]), file);
}

export async function buildFormer(
  commit: string,
  part: Part = "control-plane/api",
): Promise<{ root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), "tollgate-former-"));
  const dispose = (): Promise<void> => rm(root, { recursive: true, force: true });
  try {
    await run("git", ["archive", "--format=tar", `--output=${join(root, "source.tar")}`, commit], { cwd: repository });
    await run("tar", ["-xf", "source.tar"], { cwd: root });
    await linkPackages(root);
    const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
    await run(process.execPath, [tsc, "-b", part], { cwd: root });
    return { root, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Our own packages are the former ones; all others those that are installed. */
async function linkPackages(root: string): Promise<void> {
  for (const place of ["", "control-plane/api", "data-plane/proxy", "proto/kernel", "proto/schema"]) {
    const from = join(repository, place, "node_modules");
    if (!existsSync(from)) continue;
    const to = join(root, place, "node_modules");
    await mkdir(to, { recursive: true });
    for (const name of await readdir(from)) if (name !== ours) await symlink(join(from, name), join(to, name));
  }
  const scope = join(repository, "node_modules", ours);
  await mkdir(join(root, "node_modules", ours));
  for (const name of await readdir(scope))
    await symlink(await readlink(join(scope, name)), join(root, "node_modules", ours, name));
}

/** Those of the variables that a version's control plane or proxy knows: it would refuse to start with any other. */
export async function knownVariables(
  root: string,
  variables: Readonly<Record<string, string>>,
  part: Part = "control-plane/api",
): Promise<Record<string, string>> {
  const text = await readFile(join(root, part, "src/config.ts"), "utf8");
  return Object.fromEntries(Object.entries(variables).filter(([name]) => text.includes(name)));
}
