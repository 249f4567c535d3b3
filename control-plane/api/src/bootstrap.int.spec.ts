// The first start and every later one: who is let in first, what the configuration file makes, and that neither leaves a
// credential where it does not belong or locks anybody out.

import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { ConfigProblem } from "@tollgate/kernel/config-problem";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AdminClient } from "../../../test/support/admin-client.ts";
import { startAdminApi, type AdminApi } from "./admin-api.fixture.ts";
import { adminTokenDecider } from "./admin-tokens/admin-token.decider.ts";
import { adminTokenFile, applyStartConfiguration, ConfigurationFileProblem, ensureAdminToken } from "./bootstrap.ts";
import { newKeyText } from "./keys/key-text.ts";
import { keyDecider } from "./keys/key.decider.ts";
import { foldStream } from "./log/fold-stream.ts";
import { handle } from "./log/handle.ts";
import { head } from "./log/read.ts";

let api: AdminApi;
let dataDir: string;

beforeEach(async () => {
  api = await startAdminApi("bootstrap");
  dataDir = await mkdtemp(join(tmpdir(), "tollgate-bootstrap-"));
});

afterEach(async () => {
  await api.close();
  await rm(dataDir, { recursive: true });
});

const position = async (): Promise<bigint> => (await head(api.plane.database.sql)).position;
const isAdmitted = async (token: string): Promise<boolean> =>
  (await new AdminClient(api.url, token.trim()).send("{ log { position } }")).status === 200;

/** The token that the fixture issued is an admin's; without it the control plane is as it is at its first start. */
async function revokeAll(): Promise<void> {
  const id = api.adminToken.slice("tg_adm_".length, "tg_adm_".length + 16);
  const command = { kind: "revoke", id, timeMs: api.plane.nowMs() } as const;
  const done = await handle(
    api.plane.database,
    { decider: adminTokenDecider, id, command },
    { actor: "system/spec", timeMs: command.timeMs },
  );
  expect(done.outcome).toBe("accepted");
}

test("while there is a living token none is made; when there is none, one is, in a file for its owner alone", async () => {
  await ensureAdminToken(api.plane, { adminToken: undefined, dataDir });
  expect(await readdir(dataDir)).toEqual([]);
  await revokeAll();
  await Promise.all([1, 2].map(() => ensureAdminToken(api.plane, { adminToken: undefined, dataDir })));
  const token = await readFile(adminTokenFile(dataDir), "utf8");
  expect((await stat(adminTokenFile(dataDir))).mode & 0o777).toBe(0o600);
  expect(await isAdmitted(token)).toBe(true);
  expect(api.logged()).not.toContain(token.trim());
});

test("a token that automation brings is admitted once, never comes back from being revoked, and is in no file", async () => {
  const { text, id } = newKeyText(randomBytes, "adm");
  await ensureAdminToken(api.plane, { adminToken: text, dataDir });
  const before = await position();
  await ensureAdminToken(api.plane, { adminToken: text, dataDir });
  expect([await position(), await isAdmitted(text), await readdir(dataDir)]).toEqual([before, true, []]);
  await api.admin.run("mutation ($id: ID!) { revokeAdminToken(id: $id) { __typename } }", { id });
  await ensureAdminToken(api.plane, { adminToken: text, dataDir });
  expect(await isAdmitted(text)).toBe(false);
});

test("what is no admin token, or another one under a known id, refuses the start without repeating it", async () => {
  const { text, id } = newKeyText(randomBytes, "adm");
  await ensureAdminToken(api.plane, { adminToken: text, dataDir });
  for (const wrong of ["planted", newKeyText(randomBytes, "key").text, newKeyText(randomBytes, "adm", id).text]) {
    const refused = await ensureAdminToken(api.plane, { adminToken: wrong, dataDir }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConfigProblem);
    expect(String(refused)).not.toContain(wrong);
  }
});

const yaml = `version: 1
teams: [{ name: acme }]
keys: [{ name: bot, team: acme, tools: ["docs/*"] }]
servers:
  - name: docs
    url: https://docs.example/mcp
    headers: { authorization: { env: DOCS_TOKEN, prefix: "Bearer " } }
`;

test("the file makes its keys once, into files for their owner alone, and the next start changes nothing", async () => {
  const file = join(dataDir, "tollgate.yaml");
  await writeFile(file, yaml);
  const start = { file, dataDir, variable: (name: string) => (name === "DOCS_TOKEN" ? "planted" : undefined) };
  await applyStartConfiguration(api.plane, start);
  const keyFile = join(dataDir, "keys", "bot");
  const key = await readFile(keyFile, "utf8");
  expect(key).toMatch(/^tg_key_\w+\n$/);
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  const before = await position();
  await applyStartConfiguration(api.plane, start);
  expect([await position(), await readFile(keyFile, "utf8")]).toEqual([before, key]);
  expect(api.logged()).not.toMatch(/planted|tg_key_\w{20}/);
});

test("a key that was revoked or has expired does not keep the control plane from starting, and does not come back", async () => {
  const file = join(dataDir, "tollgate.yaml");
  const robot = newKeyText(randomBytes, "svc");
  const expiresAt = new Date(api.plane.nowMs() - 1_000).toISOString();
  const variable = (name: string) => (name === "ROBOT" ? robot.text : undefined);
  const robotLine = "  - { name: robot, team: acme, purpose: service, secret: { env: ROBOT } }\n";
  await writeFile(file, `version: 1\nteams: [{ name: acme }]\nkeys:\n${robotLine}`);
  await applyStartConfiguration(api.plane, { file, dataDir, variable });
  await api.admin.run("mutation ($id: ID!) { revokeKey(id: $id) { __typename } }", { id: robot.id });
  const ofYesterday = `  - { name: over, team: acme, expiresAt: "${expiresAt}" }\n`;
  await writeFile(
    file,
    `version: 1\nteams: [{ name: acme }, { name: later }]\nkeys:\n${robotLine}${ofYesterday}  - { name: bot, team: later }\n`,
  );
  await applyStartConfiguration(api.plane, { file, dataDir, variable });
  const key = await foldStream(api.plane.database.sql, keyDecider, robot.id);
  expect(key?.revokedAtMs).toBeDefined();
  expect(await readdir(join(dataDir, "keys"))).toEqual(["bot"]);
  const warnings = api.logged().match(/^.*a key of the file stays .*$/gm) ?? [];
  expect(warnings.map((line) => line.match(/"key":"(\w+)".* stays (\w+);/)?.slice(1))).toEqual([
    ["robot", "revoked"],
    ["over", "expired"],
  ]);
});

test("a mistake in the file is said with line and column, and nothing of the file is applied", async () => {
  const file = join(dataDir, "tollgate.yaml");
  await writeFile(file, yaml);
  const before = await position();
  const refused = await applyStartConfiguration(api.plane, { file, dataDir, variable: () => undefined }).catch(
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(ConfigurationFileProblem);
  expect(String(refused)).toContain(`${file}:7:`);
  expect([await position(), await readdir(dataDir)]).toEqual([before, ["tollgate.yaml"]]);
  await expect(
    applyStartConfiguration(api.plane, { file: join(dataDir, "none"), dataDir, variable: () => undefined }),
  ).rejects.toThrow("cannot be read (ENOENT)");
});

test("a key whose file cannot be written is not issued: nobody would hold it", async () => {
  const file = join(dataDir, "tollgate.yaml");
  await writeFile(file, yaml);
  // In the place of the directory; a mode alone would not stop root.
  await writeFile(join(dataDir, "keys"), "");
  await chmod(join(dataDir, "keys"), 0o400);
  const before = await position();
  await expect(applyStartConfiguration(api.plane, { file, dataDir, variable: () => "planted" })).rejects.toThrow();
  expect(await position()).toBe(before);
});
