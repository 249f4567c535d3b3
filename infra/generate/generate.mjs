// Makes every file that is derived: TypeScript from the protobuf contract, types of the GraphQL schema, `docs/errors.md` from
// the error registry, and the instructions of `plain-text.wat`. With `--check` it makes them in a temporary directory and names
// each committed file that differs, is missing or is left over; it changes nothing then. It needs no network. CI runs the check,
// so a contract and its derived code cannot part.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { errorsPage } from "./errors-page.mjs";
import { plainTextModule } from "./plain-text.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const bin = join(root, "node_modules", ".bin");
const isCheck = process.argv.includes("--check");

/** What is derived, relative to the root: whole directories, or one file. */
const derived = ["proto/schema/gen", "control-plane/api/src/gen", "docs/errors.md", "data-plane/proxy/src/bytes/gen"];

const target = isCheck ? mkdtempSync(join(tmpdir(), "tollgate-generate-")) : root;
try {
  generateProtobuf();
  generateGraphQl();
  await generateErrorsPage();
  await generatePlainText();
  if (isCheck) report(derived.flatMap(differences));
} finally {
  if (isCheck) rmSync(target, { recursive: true, force: true });
}

function generateProtobuf() {
  const output = join(target, "proto/schema/gen");
  // Emptied first: a file whose `.proto` is gone must go, too.
  rmSync(join(output, "tollgate"), { recursive: true, force: true });
  run("buf", ["generate", "--output", join(target, "proto/schema")], join(root, "proto/schema"));
}

/** The configuration's paths are relative to the root; a check runs a copy of it whose outputs lie elsewhere. */
function generateGraphQl() {
  const folder = "control-plane/api";
  const output = `${folder}/src/gen/`;
  const text = readFileSync(join(root, folder, "codegen.yml"), "utf8");
  if (!text.includes(output)) throw new Error(`${folder}/codegen.yml writes nothing into ${output}`);
  rmSync(join(target, output), { recursive: true, force: true });
  const config = join(mkdtempSync(join(tmpdir(), "tollgate-codegen-")), "codegen.yml");
  try {
    writeFileSync(config, text.replaceAll(output, join(target, output)));
    run("graphql-codegen", ["--config", config, "--silent"], root);
  } finally {
    rmSync(dirname(config), { recursive: true });
  }
}

async function generateErrorsPage() {
  const { errors, errorShapes } = await import(join(root, "proto/kernel/src/errors.ts"));
  const page = join(target, "docs/errors.md");
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, errorsPage(errors, errorShapes));
}

async function generatePlainText() {
  const folder = "data-plane/proxy/src/bytes";
  const text = readFileSync(join(root, folder, "plain-text.wat"), "utf8");
  mkdirSync(join(target, folder, "gen"), { recursive: true });
  writeFileSync(join(target, folder, "gen/plain-text.ts"), await plainTextModule(text));
}

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(join(bin, command), args, {
    cwd,
    encoding: "utf8",
    // Plugins are found by name.
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
  if (error !== undefined) throw error;
  if (status === 0) return;
  process.stderr.write(`${command} failed:\n${stdout}${stderr}`);
  process.exit(1);
}

function differences(path) {
  const committed = join(root, path);
  const fresh = join(target, path);
  const names = new Set([...filesOf(committed), ...filesOf(fresh)]);
  return [...names].flatMap((name) => {
    const [is, ought] = [read(join(committed, name)), read(join(fresh, name))];
    if (is === ought) return [];
    const what = is === undefined ? "is missing" : ought === undefined ? "is derived from nothing" : "is out of date";
    return [`${join(path, name)} ${what}`];
  });
}

/** Paths below a directory; for a file, the empty path. */
function filesOf(path) {
  if (!existsSync(path)) return [];
  try {
    return readdirSync(path, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(path, join(entry.parentPath, entry.name)));
  } catch (error) {
    if (error.code === "ENOTDIR") return [""];
    throw error;
  }
}

function read(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function report(lines) {
  if (lines.length === 0) return;
  process.stderr.write(`${lines.join("\n")}\nRun \`npm run generate\` and commit the result.\n`);
  process.exitCode = 1;
}
