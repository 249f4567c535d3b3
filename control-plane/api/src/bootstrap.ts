// What the control plane does once at start before it serves: the first admin token, and the files that TOLLGATE_CONFIG and
// TOLLGATE_MCP_FILE name. Secrets that are made here go into files of mode 0600 in the data directory before they are
// committed, so that a crash in between leaves a useless file and never a credential that nobody holds. Nothing is logged.

import { mkdir, open, readFile, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { parseKey } from "@tollgate/kernel/key-format";
import { adminTokenDecider } from "./admin-tokens/admin-token.decider.ts";
import { applyConfiguration } from "./configuration/apply.ts";
import { newKeyText, sha256Of } from "./keys/key-text.ts";
import { importServers } from "./imports/import-servers.ts";
import { foldStream } from "./log/fold-stream.ts";
import { handle, type Meta } from "./log/handle.ts";
import type { Plane } from "./plane.ts";
import { sentenceOf } from "./refusals.ts";

const actor = "system/bootstrap";

export type FirstAdminToken = { adminToken: string | undefined; dataDir: string };

/** Where the token is if it was made here, at this start or a former one. */
export function adminTokenFile(dataDir: string): string {
  return join(dataDir, "admin-token");
}

export function ensureAdminToken(plane: Plane, { adminToken, dataDir }: FirstAdminToken): Promise<void> {
  return plane.database.exclusive("bootstrap", async () => {
    if (adminToken !== undefined) return admit(plane, adminToken);
    if (await isAnyTokenLive(plane)) return;
    const { text } = newKeyText(plane.randomBytes, "adm");
    await writeSecretFile(adminTokenFile(dataDir), text);
    await issue(plane, text);
  });
}

/** A token that automation brings is issued once; what was revoked stays revoked. */
async function admit(plane: Plane, text: string): Promise<void> {
  const sent = parseKey(text.trim());
  if (sent?.kind !== "adm")
    throw new ConfigProblem("TOLLGATE_ADMIN_TOKEN is not an admin token: its form or its check characters are wrong");
  const token = await foldStream(plane.database.sql, adminTokenDecider, sent.id);
  if (!token) return issue(plane, sent.text);
  if (!Buffer.from(sha256Of(sent.text)).equals(token.sha256))
    throw new ConfigProblem("TOLLGATE_ADMIN_TOKEN has the id of another token");
  if (token.revokedAtMs !== undefined) plane.log.warn({ tokenId: sent.id }, "TOLLGATE_ADMIN_TOKEN was revoked");
}

async function issue(plane: Plane, text: string): Promise<void> {
  const id = parseKey(text)?.id ?? "";
  const timeMs = plane.nowMs();
  for (const name of ["first", `first-${id}`]) {
    const command = { kind: "issue", id, name, sha256: sha256Of(text), expiresAtMs: undefined, timeMs } as const;
    const done = await handle(plane.database, { decider: adminTokenDecider, id, command }, { actor, timeMs });
    if (done.outcome === "accepted") return;
    if (done.refusal.kind !== "name-taken") throw new Error(`the first admin token: ${sentenceOf(done.refusal)}`);
  }
}

/** From the streams themselves: who is locked out by a lagging projection has no other way in. */
async function isAnyTokenLive({ database, nowMs }: Plane): Promise<boolean> {
  const holders = await database.sql.query<{ id: string }>(
    "SELECT substr(stream, length('admin-token/') + 1) AS id FROM log.name WHERE kind = 'admin-token'",
  );
  for (const { id } of holders) {
    const token = await foldStream(database.sql, adminTokenDecider, id);
    if (token && token.revokedAtMs === undefined && Number(token.expiresAtMs ?? Infinity) > nowMs()) return true;
  }
  return false;
}

export type StartConfiguration = { file: string; dataDir: string; variable: (name: string) => string | undefined };

/** Whoever starts the process owns both the file and the environment that it refers to. */
export async function applyStartConfiguration(plane: Plane, start: StartConfiguration): Promise<void> {
  const { file, dataDir, variable } = start;
  const text = await readStartFile("TOLLGATE_CONFIG", file);
  const meta: Meta = { actor, timeMs: plane.nowMs(), mayRunPrograms: true };
  const done = await plane.database.exclusive("configuration", () =>
    applyConfiguration(plane, meta, {
      text,
      fileName: file,
      resolve: ({ env }) => variable(env),
      dryRun: false,
      prune: false,
      async keep(issued) {
        for (const { name, secret } of issued) await writeSecretFile(join(dataDir, "keys", name), secret);
      },
    }),
  );
  if (done.outcome === "invalid") throw new ConfigurationFileProblem(done.report);
  for (const { name, stays } of done.items)
    if (stays !== undefined)
      plane.log.warn({ file, key: name }, `a key of the file stays ${stays}; the rest is applied`);
  const changed = done.items.filter(({ action }) => action !== "none").length;
  plane.log.info({ resources: done.items.length, changed, position: done.position.toString() }, "the file is applied");
}

/** As an admin would import it who may run programs; variables are those that the starting process was given. */
export async function importAtStart(plane: Plane, start: Omit<StartConfiguration, "dataDir">): Promise<void> {
  const json = await readStartFile("TOLLGATE_MCP_FILE", start.file);
  const meta: Meta = { actor, timeMs: plane.nowMs(), mayRunPrograms: true };
  const done = await plane.database.exclusive("configuration", () =>
    importServers(plane, meta, { json, lookup: start.variable, replace: true, dryRun: false }),
  );
  if (done.outcome === "refused")
    throw new ConfigurationFileProblem(done.problems.map(({ message }) => `${start.file}: ${message}`).join("\n"));
  const changed = done.servers.filter(({ item }) => item.action !== "none").map(({ item }) => item.name);
  plane.log.info({ servers: done.servers.length, changed }, "the server list is imported");
}

async function readStartFile(setting: string, file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new ConfigProblem(`${setting}: ${file} cannot be read (${reason})`, { cause: error });
  });
}

/** Its message is the report as it stands: `file:line:column: sentence`, a line each. */
export class ConfigurationFileProblem extends ConfigProblem {}

/** Whole or not at all, and for this user alone. */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // No key has a name that begins with a dot, so this is never another key's file.
  const unfinished = join(dirname(path), `.${basename(path)}.new`);
  const file = await open(unfinished, "w", 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(`${text}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  // Whoever reads it must never see half of it.
  await rename(unfinished, path);
}
