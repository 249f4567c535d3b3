// Snapshots under slow readers, on a real PostgreSQL with a small pool: a fleet that starts at once over a slow line must not
// keep admins from revoking a key, and a proxy that reads nothing must not hold a transaction open for ever.

import { create } from "@bufbuild/protobuf";
import { PolicyCreatedSchema, TeamCreatedSchema } from "@tollgate/schema/events";
import { SnapshotRequestSchema, WatchRequestSchema } from "@tollgate/schema/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { until } from "../../../../test/support/wait.ts";
import { openDatabase, type Database } from "../database.ts";
import { append } from "../log/append.ts";
import { toLogged } from "../log/record.ts";
import { openWake, type Wake } from "../log/wake.ts";
import { replicaProjection } from "../projections/replica.ts";
import { startProjections, type Projections } from "../projections/runner.ts";
import { createDigests } from "./digests.ts";
import { createEvidence } from "./evidence.ts";
import { syncService, type SnapshotBounds } from "./sync-service.ts";

const connectionsMax = 3;
let own: TestDatabase;
let database: Database;
let wake: Wake;
let projections: Projections;

beforeAll(async () => {
  own = await createDatabase("snapshots");
  database = await openDatabase({ url: own.url, connectionsMax });
  wake = await openWake(database);
  projections = await startProjections({ database, wake, projections: [replicaProjection] });
  const event = create(TeamCreatedSchema, { team: { id: "t", name: "t" } });
  const logged = toLogged({ stream: "team/t", version: 1, event }, { actor: "system/spec", timeMs: 1 });
  await projections.reached(await database.transaction((sql) => append(sql, [logged])), 10_000);
});

afterAll(async () => {
  await projections?.close();
  await wake?.close();
  await database?.close();
  await own?.drop();
});

const caller = { proxyId: "0123456789abcdef", boot: "none" };

function serviceWith(bounds: Partial<SnapshotBounds> = {}) {
  const usual = { atOnceMax: 2, waitingMax: 3, readMsMax: 60_000 };
  return syncService({
    database,
    wake,
    projections,
    keyring: { edition: () => Promise.resolve("") },
    nowMs: Date.now,
    evidence: createEvidence({ error: () => undefined }),
    digests: createDigests({ database, onProblem: () => undefined }),
    snapshots: { ...usual, ...bounds },
  });
}

function snapshots(bounds: Partial<SnapshotBounds>) {
  const service = serviceWith(bounds);
  return (signal = new AbortController().signal) =>
    service.snapshot(create(SnapshotRequestSchema), signal, caller)[Symbol.asyncIterator]();
}

/** The rest of a snapshot; how many chunks there were. */
async function readOn(reader: AsyncIterator<unknown>): Promise<number> {
  for (let chunks = 0; ; chunks++) if ((await reader.next()).done === true) return chunks;
}

const transactions = async () =>
  (
    await database.sql.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()`,
    )
  ).length;

test("readers who do not read leave connections for commands, and those behind them come in their turn", async () => {
  const read = snapshots({});
  const slow = [read(), read()];
  for (const reader of slow) expect((await reader.next()).value).toMatchObject({ resources: [{ id: "t" }] });
  const waiting = [read(), read(), read()].map(readOn);
  // All of them look at the log first, on the one connection that is left: a fourth comes after the three.
  await expect(read().next()).rejects.toMatchObject({ code: "sync.snapshots-busy" });
  expect(await transactions()).toBe(2);
  await database.transaction((sql) => sql.query("SELECT 1"));
  for (const reader of slow) expect(await readOn(reader)).toBe(1);
  expect(await Promise.all(waiting)).toEqual([2, 2, 2]);
  expect(await transactions()).toBe(0);
});

test("a proxy that hangs up while it waits, or while it reads, makes room for another", async () => {
  const read = snapshots({ atOnceMax: 1, waitingMax: 1 });
  const first = read();
  await first.next();
  const hangUp = new AbortController();
  const second = read(hangUp.signal).next();
  second.catch(() => undefined);
  hangUp.abort(new Error("hung up"));
  await expect(second).rejects.toThrow("hung up");
  const third = readOn(read());
  await first.return?.();
  expect(await third).toBe(2);
});

test("a reader who takes too long loses his transaction, is told so when he reads on, and may come again", async () => {
  const read = snapshots({ atOnceMax: 1, readMsMax: 50 });
  const slow = read();
  await slow.next();
  await until(async () => (await transactions()) === 0, { what: "the transaction to end" });
  expect(await readOn(read())).toBe(2);
  await expect(slow.next()).rejects.toMatchObject({ code: "sync.snapshot-too-slow" });
});

test("where there are policies, a proxy that knows of none is told nothing, and one that does everything", async () => {
  const policy = { id: "p", name: "p", kind: { case: "deny" as const, value: {} } };
  const event = create(PolicyCreatedSchema, { policy });
  const logged = toLogged({ stream: "policy/p", version: 1, event }, { actor: "system/spec", timeMs: 1 });
  const position = await database.transaction((sql) => append(sql, [logged]));
  await projections.reached(position, 10_000);
  const { signal } = new AbortController();
  const snapshot = (kinds: string[]) =>
    serviceWith().snapshot(create(SnapshotRequestSchema, { kinds }), signal, caller)[Symbol.asyncIterator]();
  const refused = { code: "sync.policies-unknown" };
  await expect(snapshot([]).next()).rejects.toMatchObject(refused);
  await expect(snapshot(["team", "key"]).next()).rejects.toMatchObject(refused);
  expect(await readOn(snapshot(["team", "policy"]))).toBeGreaterThan(0);
  const watch = serviceWith().watch(create(WatchRequestSchema), signal, caller)[Symbol.asyncIterator]();
  await expect(watch.next()).rejects.toMatchObject(refused);
});
