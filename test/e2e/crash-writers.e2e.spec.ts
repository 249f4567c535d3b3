// Thirty-two admins write at once, and the control plane or its database is killed in the middle. What was acknowledged is
// in the log, positions have no holes, and the chain verifies: an audit that may have lost a command proves nothing. Who
// got no answer may or may not be in the log; he can look.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@tollgate/api/database";
import { head, readLog } from "@tollgate/api/log/read";
import { verify } from "@tollgate/api/log/verify";
import { startPostgres, type LocalPostgres } from "@tollgate/local/postgres";
import { freePort } from "@tollgate/local/free-port";
import { describe, expect, test } from "vitest";
import { createTeam, issueKey, revokeKey } from "../support/operations.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { until } from "../support/wait.ts";

const writers = 32;
const commandsPerWriter = 12;

type Acknowledged = { ids: Set<string>; positions: bigint[]; failures: number };

describe("32 concurrent writers", () => {
  test("the control plane is killed in the middle", { timeout: 180_000 }, async () => {
    await using world = await open();
    const { stack } = world;
    const acknowledged = await writeWhile(stack, async () => {
      await stack.control.stop("SIGKILL");
      await stack.control.start();
    });
    await expectWhole(world.postgres.url("tollgate"), acknowledged);
  });

  test("PostgreSQL is killed in the middle", { timeout: 180_000 }, async () => {
    await using world = await open();
    const acknowledged = await writeWhile(world.stack, async () => {
      await world.postgres.kill();
      await world.restartPostgres();
    });
    await expectWhole(world.postgres.url("tollgate"), acknowledged);
  });
});

async function open(): Promise<
  { stack: Stack; postgres: LocalPostgres; restartPostgres(): Promise<void> } & AsyncDisposable
> {
  const dir = await mkdtemp(join(tmpdir(), "tollgate-crash-"));
  // Durable: what a killed server had acknowledged must be on disk.
  const options = { dataDir: dir, port: await freePort(), onLog: () => undefined, durable: true };
  let postgres = await startPostgres(options);
  const stack = await startStack({ databaseUrl: postgres.url("tollgate"), proxies: 0 });
  return {
    stack,
    get postgres() {
      return postgres;
    },
    async restartPostgres() {
      postgres = await startPostgres(options);
    },
    async [Symbol.asyncDispose]() {
      await stack[Symbol.asyncDispose]();
      await postgres.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Every writer issues and revokes keys of its own, and all of them fight for one name now and then. */
async function writeWhile(stack: Stack, disaster: () => Promise<void>): Promise<Acknowledged> {
  const { id: teamId } = await createTeam(stack.admin, "platform");
  const acknowledged: Acknowledged = { ids: new Set(), positions: [], failures: 0 };
  const note = (id: string, position: string): void => {
    acknowledged.ids.add(id);
    acknowledged.positions.push(BigInt(position));
  };
  let done = 0;
  const writer = async (number: number): Promise<void> => {
    for (let command = 0; command < commandsPerWriter; command++) {
      const name = command % 4 === 3 ? "contested" : `key-${number}-${command}`;
      try {
        const key = await issueKey(stack.admin, { name, teamId });
        note(key.id, key.position);
        if (command % 2 === 1) note(key.id, (await revokeKey(stack.admin, key.id)).position);
      } catch {
        // No answer, or the name was taken: nothing was promised.
        acknowledged.failures++;
        await until(async () => (await fetch(`${stack.control.url}/readyz`)).ok, {
          what: "the control plane to be back",
          timeoutMs: 20_000,
        }).catch((cause: unknown) => {
          throw new Error(`the control plane did not come back; it said:\n${stack.control.log().slice(-4_000)}`, {
            cause,
          });
        });
      }
      done++;
    }
  };
  const writing = Promise.all(Array.from({ length: writers }, (_, number) => writer(number)));
  await until(() => done > (writers * commandsPerWriter) / 3, { what: "a third of the commands", timeoutMs: 60_000 });
  await disaster();
  await writing;
  return acknowledged;
}

async function expectWhole(url: string, acknowledged: Acknowledged): Promise<void> {
  const database = await openDatabase({ url });
  try {
    expect(acknowledged.positions.length).toBeGreaterThan(writers);
    expect(await verify(database)).toMatchObject({ outcome: "intact" });
    const { position: end } = await head(database.sql);
    const scopes = new Map<bigint, string>();
    for (let after = 0n; after < end;) {
      const page = await readLog(database.sql, after, 500);
      for (const { position, logged } of page) {
        expect(position).toBe(++after);
        scopes.set(position, logged.stream);
      }
    }
    expect(new Set(acknowledged.positions).size).toBe(acknowledged.positions.length);
    for (const position of acknowledged.positions) expect(scopes.get(position)).toMatch(/^key\//);
    const streams = new Set(scopes.values());
    for (const id of acknowledged.ids) expect(streams).toContain(`key/${id}`);
    console.log(
      `${acknowledged.positions.length} commands acknowledged, ${acknowledged.failures} without an answer or refused, log at ${end}`,
    );
  } finally {
    await database.close();
  }
}
