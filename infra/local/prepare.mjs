// Makes a checkout ready to run: installs the packages that the lockfile names and builds what changed. It runs on the
// machine's own Node (20 or newer) before anything is installed, so it is plain JavaScript without dependencies. When there
// is nothing to do it says nothing and costs a tenth of a second. It starts nothing and changes no file that is in git.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const nodeMajorMin = 20;
/** A build that changes nothing takes 0.1 s; only one that takes longer is worth a line. */
const quietMs = 700;
const saidLinesMax = 30;

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const modules = join(root, "node_modules");
const stampFile = join(modules, ".tollgate-installed");
const lockFile = join(root, "package-lock.json");

class Problem extends Error {}

/**
 * The stamp is the lockfile's hash after the install, which may have rewritten it. Where it differs, npm's own record of
 * what lies in node_modules decides, so that an `npm install` by hand is not done again.
 */
function isInstalled() {
  if (!existsSync(modules)) return false;
  if (readOrEmpty(stampFile) === lockHash()) return true;
  if (!matchesLockfile()) return false;
  writeStamp();
  return true;
}

function matchesLockfile() {
  const record = readOrEmpty(join(modules, ".package-lock.json"));
  if (record === "") return false;
  const installed = JSON.parse(record).packages;
  return Object.entries(JSON.parse(readFileSync(lockFile, "utf8")).packages).every(([path, wanted]) => {
    if (!path.includes("node_modules/") || wanted.link) return true;
    const found = installed[path];
    return found === undefined ? Boolean(wanted.optional || wanted.devOptional) : found.version === wanted.version;
  });
}

function lockHash() {
  return createHash("sha256").update(readFileSync(lockFile)).digest("hex");
}

function writeStamp() {
  writeFileSync(stampFile, lockHash());
}

function readOrEmpty(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

async function install() {
  say("Installing packages (once; about half a minute) …");
  // `npm ci` refuses a lockfile that lacks packages of other platforms, which some registries do not carry; `npm install`
  // takes the same versions from the same lockfile.
  const before = lockHash();
  const clean = await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (clean.code !== 0) {
    if (!clean.said.includes("EUSAGE")) throw new Problem(`npm ci failed:\n${clean.said}`);
    const { code, said } = await run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
    if (code !== 0) throw new Problem(`npm install failed:\n${said}`);
    if (lockHash() !== before) say("npm changed package-lock.json; look at the difference before you commit it.");
  }
  writeStamp();
}

/** The programs run on the Node that was installed just now; without it the machine's own would be taken silently. */
function requireNode() {
  if (existsSync(join(modules, ".bin", "node"))) return;
  throw new Problem(
    `There is no Node package for ${process.platform} ${process.arch}. ` +
      "Tollgate runs on Linux (x64, arm64) and macOS (arm64). If yours is one of them, npm left out optional packages: " +
      "run `npm install --include=optional`.",
  );
}

async function build() {
  const notice = setTimeout(() => say("Building …"), quietMs);
  const { code, said } = await run(join(modules, ".bin", "tsc"), [
    "-b",
    "control-plane/api",
    "data-plane/proxy",
    "infra/local",
  ]);
  clearTimeout(notice);
  if (code !== 0) throw new Problem(`The build failed:\n${said}`);
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const output of [child.stdout, child.stderr]) output.on("data", (chunk) => (said += chunk));
    child.once("error", (error) => reject(new Problem(`${command} could not be started: ${error.message}`)));
    child.once("close", (code) => resolve({ code, said: said.trimEnd().split("\n").slice(-saidLinesMax).join("\n") }));
  });
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

try {
  const [major] = process.versions.node.split(".");
  if (Number(major) < nodeMajorMin)
    throw new Problem(`Tollgate needs Node ${nodeMajorMin} or newer; this is ${process.versions.node}.`);
  if (!isInstalled()) await install();
  requireNode();
  await build();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  say(error.message);
  process.exitCode = 1;
}
