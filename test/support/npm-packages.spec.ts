// Without a registry a suite has to be told so, in a sentence, and nothing half installed may stay behind: the next run would
// take it for whole. The registry here is a port on which nobody listens.
import { existsSync, globSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { npmPackages } from "./npm-packages.ts";

const cache = join(import.meta.dirname, "..", "..", ".cache");
const integrity = `sha512-${"A".repeat(86)}==`;
// In the lockfile, which beats whatever registry the environment names.
const resolved = "http://127.0.0.1:9/package.tgz";

async function manifests(dependencies: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tollgate-npm-packages-"));
  onTestFinished(async () => {
    for (const path of [folder, ...installed(folder)]) await rm(path, { recursive: true, force: true });
  });
  const locked = Object.entries(dependencies).map(([name, version]) => [
    `node_modules/${name}`,
    { version, resolved, integrity },
  ]);
  const packages = { "": { name: "manifests", dependencies }, ...Object.fromEntries(locked) };
  const files = {
    "package.json": JSON.stringify({ name: "manifests", dependencies }),
    "package-lock.json": JSON.stringify({ name: "manifests", lockfileVersion: 3, requires: true, packages }),
    ".npmrc": `fetch-retries=0\ncache=${join(folder, "npm")}\n`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

function installed(folder: string): string[] {
  return globSync(join(cache, `${basename(folder)}-*`));
}

test("what cannot be fetched is reported and leaves nothing behind", async () => {
  const folder = await manifests({ "not-to-be-had": "1.0.0" });
  const packages = await npmPackages(folder);
  expect(packages).toEqual({ missing: expect.stringMatching(/^npm could not install .*ECONNREFUSED/s) });
  expect(installed(folder)).toEqual([]);
}, 60_000);

test("what is installed lies in a folder of its own for each lockfile", async () => {
  const folder = await manifests({});
  const packages = await npmPackages(folder);
  expect(packages).toEqual({ folder: expect.stringContaining(basename(folder)) });
  expect(installed(folder).map((path) => existsSync(join(path, "package-lock.json")))).toEqual([true]);
}, 60_000);
