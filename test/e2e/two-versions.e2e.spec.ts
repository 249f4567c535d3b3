// A control plane is upgraded while it works: the new version migrates the database under the old one, then both stand side by
// side until the old one goes. Migrations only expand, so both write and read all the time. Otherwise an upgrade is a
// night's work with the doors closed, and going back one version is a restore.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@tollgate/api/database";
import { verify } from "@tollgate/api/log/verify";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { formatKey, secretBytes } from "@tollgate/kernel/key-format";
import { expect, test } from "vitest";
import { AdminClient } from "../support/admin-client.ts";
import { createDatabase } from "../support/database.ts";
import { buildFormer, formerVersion, knownVariables, repository } from "../support/former-version.ts";
import { createTeam, issueKey, registerServer, revokeKey } from "../support/operations.ts";
import { freePorts } from "../support/ports.ts";
import { startProcess, type RunningProcess } from "../support/processes.ts";
import { describeWith } from "../support/real-part.ts";
import { until } from "../support/wait.ts";

const { availability, commit } = await formerVersion();

type Version = { process: RunningProcess; url: string; admin: AdminClient };

describeWith(availability, "the version before the newest migration, and this one", () => {
  test("run side by side on one database, from before the migration on: both write, both read, nothing breaks", async () => {
    await using resources = new AsyncDisposableStack();
    const database = resources.use(await createDatabase("two versions"));
    const former = resources.use(await buildFormer(commit));
    const dir = await mkdtemp(join(tmpdir(), "tollgate-versions-"));
    resources.defer(() => rm(dir, { recursive: true, force: true }));
    await writeFile(join(dir, "master.key"), randomBytes(32).toString("base64"));
    const adminToken = formatKey("adm", idFromBytes(randomBytes(idBytes)), randomBytes(secretBytes));

    const start = async (root: string, name: string): Promise<Version> => {
      const [port = 0, adminPort = 0, grpcPort = 0] = await freePorts(3);
      const env = await knownVariables(root, {
        TOLLGATE_DATABASE_URL: database.url,
        TOLLGATE_CONTROL_PORT: String(port),
        TOLLGATE_CONTROL_ADMIN_PORT: String(adminPort),
        TOLLGATE_GRPC_PORT: String(grpcPort),
        TOLLGATE_DATA_DIR: join(dir, name),
        TOLLGATE_MASTER_KEY_FILE: join(dir, "master.key"),
        TOLLGATE_JOIN_TOKEN: "a-join-token-of-this-test",
        TOLLGATE_ADMIN_TOKEN: adminToken,
      });
      const process = resources.use(
        await startProcess({ name, args: [join(root, "control-plane/api/dist/main.js")], env }),
      );
      await process.waitForLine(/"ready"/, 60_000);
      const url = `http://127.0.0.1:${port}`;
      return { process, url, admin: new AdminClient(url, adminToken) };
    };

    const written = new Map<string, string>();
    let isOver = false;
    /** Keys that one version issues and the other revokes, teams and servers; every answer has to be a success. */
    const write = async (name: string, by: AdminClient, other: () => AdminClient): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const team = await createTeam(by, `${name}-${count}`);
        written.set(`${name}-${count}`, team.id);
        const key = await issueKey(other(), { name: `${name}-key-${count}`, teamId: team.id });
        await revokeKey(by, key.id);
        const headers = [{ name: "authorization", value: `secret-${count}` }];
        await registerServer(other(), { name: `${name}-${count}`, url: "http://127.0.0.1:9/mcp", headers });
      }
    };

    const before = await start(former.root, "former version");
    let second = before;
    const first = write("former", before.admin, () => second.admin);
    await until(() => written.size > 5, { what: "the former version's commands" });
    // The migration runs under the former version's writes.
    const after = await start(repository, "present version");
    second = after;
    const both = write("present", after.admin, () => before.admin);
    await until(() => written.has("present-10"), { what: "commands of both", timeoutMs: 60_000 });
    isOver = true;
    await Promise.all([first, both]);

    const [ofBefore, ofAfter] = await Promise.all([before, after].map(everything));
    expect(ofAfter).toEqual(ofBefore);
    expect(Object.fromEntries(written)).toEqual(ofBefore?.teams);
    for (const { url } of [before, after]) expect((await fetch(`${url}/readyz`)).status).toBe(200);
    await using opened = await openedLog(database.url);
    expect(await verify(opened.database)).toMatchObject({ outcome: "intact" });
    console.log(`${written.size} rounds of commands by ${commit.slice(0, 9)} and the present version side by side`);
  }, 90_000);
});

/** As each version answers it, up to the same position. */
async function everything({
  admin,
}: Version): Promise<{ teams: Record<string, string>; keys: unknown; servers: unknown }> {
  const { log } = await admin.run<{ log: { position: string } }>("{ log { position } }");
  type Page = { edges: { node: { id: string; name: string } }[] };
  const answer = await admin.run<{ teams: Page; keys: Page; servers: Page }>(
    `{ teams(first: 500, atLeast: "${log.position}") { edges { node { id name } } }
       keys(first: 500, atLeast: "${log.position}") { edges { node { id name status } } }
       servers(first: 500, atLeast: "${log.position}") { edges { node { id name url headers { name } } } } }`,
  );
  const teams = Object.fromEntries(answer.teams.edges.map(({ node }) => [node.name, node.id]));
  return { teams, keys: answer.keys, servers: answer.servers };
}

async function openedLog(url: string) {
  const database = await openDatabase({ url });
  return { database, [Symbol.asyncDispose]: () => database.close() };
}
