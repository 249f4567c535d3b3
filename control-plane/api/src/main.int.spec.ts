// The control plane as a process: what it says and with which code it ends when what it was given is wrong, and that a stop
// is clean. It runs the built program, as the launcher does.

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdminClient } from "../../../test/support/admin-client.ts";
import { createDatabase, type TestDatabase } from "../../../test/support/database.ts";
import { startProcess, type RunningProcess } from "../../../test/support/processes.ts";

const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const planted = "planted-join-token";
let dir: string;
let own: TestDatabase;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "tollgate-main-"));
  own = await createDatabase("main");
  await writeFile(join(dir, "master.key"), randomBytes(32).toString("base64"));
});

afterAll(async () => {
  await own.drop();
  await rm(dir, { recursive: true });
});

function start(env: Record<string, string> = {}): Promise<RunningProcess> {
  const ports = { TOLLGATE_CONTROL_PORT: "0", TOLLGATE_CONTROL_ADMIN_PORT: "0", TOLLGATE_GRPC_PORT: "0" };
  const settings = {
    TOLLGATE_DATABASE_URL: own.url,
    TOLLGATE_GRPC_SOCKET: join(dir, "run", "grpc.sock"),
    TOLLGATE_JOIN_TOKEN: planted,
    TOLLGATE_DATA_DIR: dir,
  };
  return startProcess({ name: "control plane", args: [program], env: { ...ports, ...settings, ...env } });
}

test("it starts, lets the first admin in, stops within the launcher's patience and comes up again", async () => {
  for (let round = 0; round < 2; round++) {
    await using running = await start();
    const [, url = ""] = await running.waitForLine(/"control":"([^"]+)"/, 30_000);
    const token = (await readFile(join(dir, "admin-token"), "utf8")).trim();
    await new AdminClient(url, token).run("{ log { position } }");
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    running.kill("SIGTERM");
    expect(await running.waitForExit(8_000)).toEqual({ code: 0, signal: null });
    expect(running.log()).not.toContain(planted);
    expect(running.log()).not.toContain(token);
  }
});

test("a mistake in the file that TOLLGATE_CONFIG names is its line and column, and code 2", async () => {
  const file = join(dir, "tollgate.yaml");
  await writeFile(file, "version: 1\nteams:\n  - { nmae: a }\n");
  await using running = await start({ TOLLGATE_CONFIG: file });
  expect(await running.waitForExit(30_000)).toEqual({ code: 2, signal: null });
  expect(running.log()).toMatch(new RegExp(`^${file}:3:7: .*nmae`, "m"));
});

test.each<[string, Record<string, string>, string]>([
  ["a mistyped setting", { TOLLGATE_KAFKA_BROKER: "a:1" }, "TOLLGATE_KAFKA_BROKER is not a setting"],
  [
    "no master key",
    { TOLLGATE_MASTER_KEY_FILE: "/nonexistent" },
    "TOLLGATE_MASTER_KEY_FILE /nonexistent cannot be read",
  ],
  [
    "a certificate that is not there",
    { TOLLGATE_TLS_CERT: "/nonexistent", TOLLGATE_TLS_KEY: "/nonexistent" },
    "TOLLGATE_TLS_CERT: /nonexistent cannot be read (ENOENT)",
  ],
  [
    "brokers' authorities that are not there",
    { TOLLGATE_KAFKA_BROKERS: "127.0.0.1:1", TOLLGATE_KAFKA_TLS_CA: "/nonexistent" },
    "TOLLGATE_KAFKA_TLS_CA: /nonexistent cannot be read (ENOENT)",
  ],
  ["an admin token that is none", { TOLLGATE_ADMIN_TOKEN: "planted" }, "TOLLGATE_ADMIN_TOKEN is not an admin token"],
])("%s is one sentence and code 2", async (_, env, sentence) => {
  await using running = await start(env);
  expect(await running.waitForExit(30_000)).toEqual({ code: 2, signal: null });
  expect(running.log()).toContain(sentence);
  expect(running.log()).not.toContain("planted");
});
