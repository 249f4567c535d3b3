// The data directory of the embedded stack and the files in it that the launcher itself makes: the master key, a given
// admin token, and the mark that a first start is under way. What is secret has mode 0600. A file appears whole or not at all, whenever the power
// goes; nothing that exists is ever replaced.
import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Problem, fileProblem } from "./problem.ts";

const masterKeyBytes = 32;

/** What macOS takes of a socket's path; Linux takes a little more. */
const socketPathBytesMax = 103;

/** Where control plane and proxy find each other: in the data directory, or where that lies too deep, in a short one. */
export function openSocketPath(dataDir: string): { path: string; remove(): void } {
  const usual = join(dataDir, "run", "grpc.sock");
  if (Buffer.byteLength(usual) <= socketPathBytesMax) return { path: usual, remove: () => undefined };
  // Made with a name that nobody could foresee, and for this user alone.
  const path = join(mkdtempSync(join(tmpdir(), "tollgate-")), "grpc.sock");
  return { path, remove: () => rmSync(dirname(path), { recursive: true, force: true }) };
}

/** Where the control plane writes the token that it makes; the one that automation brings is put there for the others. */
export function ensureAdminTokenFile(dataDir: string, given: string | undefined): string {
  const path = join(dataDir, "admin-token");
  if (given !== undefined && !existsSync(path)) writeSecretFile("The admin token", path, given);
  return path;
}

export function openDataDirectory(path: string): string {
  try {
    // Others may pass but not list: the database's own account has to reach its folder when root started us.
    mkdirSync(path, { recursive: true, mode: 0o711 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return realpathSync(path);
  } catch (cause) {
    throw fileProblem(`The data directory ${path} cannot be used`, cause);
  }
}

export function ensureMasterKey(dataDir: string): string {
  const path = join(dataDir, "master.key");
  if (existsSync(path)) return path;
  if (existsSync(join(dataDir, "postgres")) && !isFirstStart(dataDir))
    throw new Problem(`${path} is missing, and without it the secrets in the database cannot be read. Put it back.`);
  writeSecretFile("The master key", path, randomBytes(masterKeyBytes).toString("base64"));
  return path;
}

/**
 * True from the moment when there is no database yet until `endFirstStart`: a first start that was cut off half way is
 * still the first, and gives its first key.
 */
export function beginFirstStart(dataDir: string): boolean {
  if (isFirstStart(dataDir)) return true;
  if (existsSync(join(dataDir, "postgres"))) return false;
  try {
    writeFileSync(firstStartMark(dataDir), "");
  } catch (cause) {
    throw fileProblem(`The data directory ${dataDir} cannot be used`, cause);
  }
  return true;
}

export function endFirstStart(dataDir: string): void {
  rmSync(firstStartMark(dataDir), { force: true });
}

function isFirstStart(dataDir: string): boolean {
  return existsSync(firstStartMark(dataDir));
}

function firstStartMark(dataDir: string): string {
  return join(dataDir, "first-start");
}

function writeSecretFile(what: string, path: string, text: string): void {
  const unfinished = `${path}.new`;
  try {
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, `${text}\n`, { mode: 0o600, flush: true });
    linkSync(unfinished, path);
    rmSync(unfinished);
  } catch (cause) {
    throw fileProblem(`${what} ${path} cannot be written`, cause);
  }
}
