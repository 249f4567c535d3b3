// All rules that a machine can hold, over the whole repository: formatting, oxlint with types, the arrows between parts, and
// the house rules. It runs all four even when one fails, so that one run shows everything, and changes no file. A directory
// as argument is checked in place of the repository, with the repository's rules.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { findBreaches } from "./house-rules.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const checked = resolve(process.argv[2] ?? root);
const packages = join(root, "node_modules");
const folders = ["proto", "control-plane", "data-plane", "infra", "test"].filter((name) =>
  existsSync(join(checked, name)),
);

const results = await Promise.all([
  run("formatting", join(packages, "prettier/bin/prettier.cjs"), [
    ...["--check", "--log-level", "warn", "--config", join(root, ".prettierrc.json")],
    ...["--ignore-path", join(root, ".prettierignore"), "."],
  ]),
  run("oxlint", join(packages, "oxlint/bin/oxlint"), [
    ...["--config", join(root, ".oxlintrc.json"), "--type-aware", "--quiet", "--format", "unix"],
    ...folders,
  ]),
  run("arrows", join(packages, "dependency-cruiser/bin/dependency-cruiser.mjs"), [
    ...["--config", join(root, ".dependency-cruiser.cjs"), "--output-type", "err-long"],
    ...folders,
  ]),
  houseRules(),
]);

for (const { name, passed, said } of results) {
  if (passed) continue;
  process.exitCode = 1;
  process.stdout.write(`${name}:\n${said.trim()}\n\n`);
}
if (process.exitCode === undefined)
  process.stdout.write(`${results.map(({ name }) => name).join(", ")}: nothing found\n`);

function run(name, script, args) {
  const preload = name === "arrows" ? ["--import", new URL("swc-using.mjs", import.meta.url).href] : [];
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [...preload, script, ...args], {
      cwd: checked,
      stdio: ["ignore", "pipe", "pipe"],
      // tsgolint is found on the path.
      env: { ...process.env, PATH: `${join(packages, ".bin")}:${process.env.PATH}`, NO_COLOR: "1" },
    });
    let said = "";
    for (const output of [child.stdout, child.stderr]) output.on("data", (chunk) => (said += chunk));
    child.once("error", fail);
    child.once("close", (code) => done({ name, passed: code === 0, said: withoutAdvice(said) }));
  });
}

/** dependency-cruiser warns that TypeScript 7 has no API for it yet; we parse with swc. */
function withoutAdvice(said) {
  return said.replace(/\n?‼ missing-tsc-transpiler[\s\S]*$/, "");
}

async function houseRules() {
  const breaches = findBreaches(checked);
  return { name: "house rules", passed: breaches.length === 0, said: breaches.join("\n") };
}
