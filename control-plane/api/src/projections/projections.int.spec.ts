// Guarantees of the projection runner: rows and checkpoint agree, commits are seen whole, nothing is skipped, a failure
// stops one projection before the commit that it could not take, and several processes may run the same projection.

import { afterEach, beforeEach, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { until } from "../../../../test/support/wait.ts";
import { openDatabase, type Database } from "../database.ts";
import { meta, serverStep, teamStep } from "../log/deciders.fixture.ts";
import { handle, handleAll } from "../log/handle.ts";
import { openWake, type Wake } from "../log/wake.ts";
import { advance, createTables, readAt } from "./advance.ts";
import { rebuildProjection } from "./rebuild.ts";
import { schemaOf, statement, type Projection } from "./projection.ts";
import { startProjections } from "./runner.ts";

let own: TestDatabase;
let database: Database;
let wake: Wake;

beforeEach(async () => {
  own = await createDatabase("projections");
  database = await openDatabase({ url: own.url });
  wake = await openWake(database, { pollMs: 50 });
});

afterEach(async () => {
  await wake?.close();
  await database?.close();
  await own?.drop();
});

const teamNames: Projection = {
  name: "team_names",
  version: 1,
  tables: "CREATE TABLE team (id text PRIMARY KEY, name text NOT NULL, position bigint NOT NULL)",
  on: {
    TeamCreated: ({ team }, { position }) =>
      statement(
        "INSERT INTO team VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET name = $2, position = $3",
        team?.id,
        team?.name,
        position,
      ),
    TeamRetired: ({ team }) => statement("DELETE FROM team WHERE id = $1", team?.id),
  },
};

const rows = () => database.sql.query<{ id: string }>("SELECT id FROM team_names_v1.team ORDER BY position");

async function append(...ids: string[]): Promise<bigint> {
  const done = await handleAll(
    database,
    ids.map((id) => teamStep(id)),
    meta,
  );
  if (done.outcome === "refused") throw new Error(done.refusal.kind);
  return done.position;
}

test("what was appended is in the rows once its position is reached, whatever else is in the log", async () => {
  const projections = await startProjections({ database, wake, projections: [teamNames] });
  await append("a");
  await handle(database, serverStep("not-a-team"), meta);
  const position = await append("b", "c");
  await projections.reached(position, 10_000);
  expect(await rows()).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }]);
  expect(projections.status()).toEqual([{ name: "team_names", version: 1, position, failed: undefined }]);
  await projections.close();
});

test("a position that is not reached in time is read.behind and says who lags", async () => {
  const projections = await startProjections({ database, wake, projections: [teamNames] });
  await expect(projections.reached(99n, 20)).rejects.toMatchObject({
    code: "read.behind",
    detail: expect.stringContaining("team_names"),
  });
  await projections.close();
});

test("events taken twice leave the same rows", async () => {
  await append("a", "b");
  await append("c");
  await createTables(database, teamNames, "team_names_v1");
  const take = () => database.transaction((sql) => advance(sql, teamNames, "team_names_v1", 100));
  await take();
  const once = await database.sql.query("SELECT * FROM team_names_v1.team ORDER BY id");
  await database.sql.query("UPDATE team_names_v1.checkpoint SET position = 1");
  expect(await take()).toEqual({ position: 3n, events: 2 });
  expect(await database.sql.query("SELECT * FROM team_names_v1.team ORDER BY id")).toEqual(once);
});

test("a batch ends only where a commit does", async () => {
  await append("a", "b", "c");
  await append("d");
  await createTables(database, teamNames, "team_names_v1");
  expect(await database.transaction((sql) => advance(sql, teamNames, "team_names_v1", 1))).toEqual({
    position: 3n,
    events: 3,
  });
});

test("a failing event stops its projection before its commit, and no other; the fix goes on from there", async () => {
  const failing: Projection = {
    ...teamNames,
    name: "failing",
    on: {
      TeamCreated: ({ team }) => {
        if (team?.id === "bad") throw new Error("a bug in the projection");
        return statement("INSERT INTO team VALUES ($1, $1, 0)", team?.id);
      },
    },
  };
  await append("good");
  await append("also-good", "bad", "after");
  const end = await append("later");
  const projections = await startProjections({ database, wake, projections: [failing, teamNames] });
  await projections.reached(end, 10_000, "team_names");
  await expect(projections.reached(end, 10_000, "failing")).rejects.toMatchObject({ code: "read.behind" });
  expect(projections.status()[0]).toMatchObject({
    position: 1n,
    failed: { position: 3n, reason: "a bug in the projection" },
  });
  expect(await database.sql.query("SELECT id FROM failing_v1.team")).toEqual([{ id: "good" }]);
  // Stopped stays stopped, whatever is appended.
  await projections.reached(await append("even-later"), 10_000, "team_names");
  expect(projections.status()[0]).toMatchObject({ position: 1n, failed: { position: 3n } });
  await projections.close();

  const fixed: Projection = { ...failing, on: teamNames.on };
  const restarted = await startProjections({ database, wake, projections: [fixed] });
  await restarted.reached(end, 10_000);
  const ids = await database.sql.query<{ id: string }>("SELECT id FROM failing_v1.team ORDER BY position, id");
  expect(ids.map(({ id }) => id)).toEqual(["good", "also-good", "bad", "after", "later", "even-later"]);
  await restarted.close();
});

test("an event type that this software does not know stops a projection: it may matter", async () => {
  const projections = await startProjections({ database, wake, projections: [teamNames] });
  await projections.reached(await append("a"), 10_000);
  await database.transaction(async (sql) => {
    const [row] = await sql.query<{ record: Uint8Array }>("SELECT record FROM log.event WHERE position = 1");
    const unknown = Buffer.from(row?.record ?? [])
      .toString("latin1")
      .replace("TeamCreated", "TeamMarried");
    await sql.query("SELECT log.append('{team/x}', '{1}', '{t}', ARRAY[$1::bytea])", [Buffer.from(unknown, "latin1")]);
  });
  await until(() => projections.status()[0]?.failed, { what: "the projection to stop" });
  expect(projections.status()[0]?.failed).toEqual({
    position: 2n,
    reason: "no event of the schema is named tollgate.v1.TeamMarried",
  });
  await projections.close();
});

test("two processes that run one projection take turns, and each knows how far it is", async () => {
  const twice: Projection = {
    ...teamNames,
    // Not idempotent on purpose: an event that both took would be seen.
    tables: "CREATE TABLE team (id text, position bigint)",
    on: {
      TeamCreated: ({ team }, { position }) => statement("INSERT INTO team VALUES ($1, $2)", team?.id, position),
    },
  };
  const otherDatabase = await openDatabase({ url: own.url });
  const otherWake = await openWake(otherDatabase, { pollMs: 50 });
  const [one, other] = await Promise.all([
    startProjections({ database, wake, projections: [twice] }),
    startProjections({ database: otherDatabase, wake: otherWake, projections: [twice] }),
  ]);
  let end = 0n;
  for (let n = 0; n < 60; n++) end = await append(`n-${n}`);
  await Promise.all([one.reached(end, 10_000), other.reached(end, 10_000)]);
  const taken = await rows();
  expect(taken.map(({ id }) => id)).toEqual(Array.from({ length: 60 }, (_, n) => `n-${n}`));
  await Promise.all([one.close(), other.close()]);
  await otherWake.close();
  await otherDatabase.close();
});

test("a connection that breaks in the middle is tried again and nothing is taken twice", async () => {
  let breaks = 3;
  const breaking: Projection = {
    ...teamNames,
    on: {
      TeamCreated: ({ team }, { position }) => [
        statement("INSERT INTO team VALUES ($1, $1, $2)", team?.id, position),
        ...(breaks-- > 0 ? [statement("SELECT pg_terminate_backend(pg_backend_pid())")] : []),
      ],
    },
  };
  const projections = await startProjections({ database, wake, projections: [breaking] });
  await projections.reached(await append("a", "b"), 10_000);
  expect(breaks).toBeLessThan(0);
  expect(await rows()).toEqual([{ id: "a" }, { id: "b" }]);
  await projections.close();
});

test("a rebuild while appends go on: readers see all rows at every moment, and positions never go back", async () => {
  const projections = await startProjections({ database, wake, projections: [teamNames] });
  for (let n = 0; n < 50; n++) await append(`before-${n}-a`, `before-${n}-b`);
  await projections.reached(100n, 10_000);
  // What a rebuild is for: rows that should not be as they are.
  await database.sql.query("UPDATE team_names_v1.team SET name = 'damaged'");

  let isRebuilding = true;
  const seen: bigint[] = [];
  const writing = (async () => {
    for (let n = 0; isRebuilding; n++) await append(`during-${n}-a`, `during-${n}-b`);
  })();
  const reading = (async () => {
    while (isRebuilding) {
      await readAt(database, teamNames, async (sql, position) => {
        const [row] = await sql.query<{ count: bigint }>(`SELECT count(*) FROM ${schemaOf(teamNames)}.team`);
        // Every event of this log adds a row, so position and rows must agree.
        expect(row?.count).toBe(position);
        seen.push(position);
      });
    }
  })();
  await projections.rebuild("team_names");
  await projections.rebuild("team_names");
  isRebuilding = false;
  await Promise.all([writing, reading]);

  // It was read while it went on, not before and after only.
  expect(new Set(seen).size).toBeGreaterThan(2);
  expect(seen).toEqual([...seen].sort((a, b) => Number(a - b)));
  const end = await append("end");
  await projections.reached(end, 10_000);
  expect(await database.sql.query("SELECT 1 FROM team_names_v1.team WHERE name = 'damaged'")).toEqual([]);
  expect(await rows()).toHaveLength(Number(end));
  const left = await database.sql.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'team_names%'");
  expect(left).toEqual([{ nspname: "team_names_v1" }]);
  await projections.close();
}, 30_000);

test("what comes between the last batch and the swap is in the new tables before anyone reads them", async () => {
  await append("a");
  await createTables(database, teamNames, "team_names_v1");
  const takeAll = () => database.transaction((sql) => advance(sql, teamNames, "team_names_v1", 100));
  await takeAll();
  // The transactions of a rebuild are: make the tables, one batch, the swap. Just before the swap the old tables move on.
  let transactions = 0;
  const late: Database = {
    ...database,
    transaction: async (fn, options) => {
      if (++transactions === 3) {
        await append("late");
        await takeAll();
      }
      return database.transaction(fn, options);
    },
  };
  await rebuildProjection(late, teamNames);
  expect(transactions).toBe(3);
  expect(await readAt(database, teamNames, async (_, position) => position)).toBe(2n);
  expect(await rows()).toEqual([{ id: "a" }, { id: "late" }]);
});

test("a reader that waits for a swap sees the new tables with their rows, not with none", async () => {
  await append("a", "b");
  await createTables(database, teamNames, "team_names_v1");
  await createTables(database, teamNames, "team_names_v1_rebuild");
  const { reading } = await database.transaction(async (sql) => {
    await sql.query("LOCK TABLE team_names_v1.checkpoint IN ACCESS EXCLUSIVE MODE");
    await advance(sql, teamNames, "team_names_v1_rebuild", 100);
    await sql.query("ALTER SCHEMA team_names_v1 RENAME TO team_names_v1_old");
    await sql.query("ALTER SCHEMA team_names_v1_rebuild RENAME TO team_names_v1");
    const read = readAt(database, teamNames, async (inside, position) => ({
      position,
      teams: await inside.query<{ id: string }>("SELECT id FROM team_names_v1.team ORDER BY id"),
    }));
    // Handled at once, awaited after the commit: here it waits for us.
    const settled = read.catch((error: unknown) => error);
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    await until(async () => (await database.sql.query(waiting)).length > 0, { what: "the reader to wait" });
    return { reading: settled };
  });
  expect(await reading).toEqual({ position: 2n, teams: [{ id: "a" }, { id: "b" }] });
});

test("a rebuild that fails leaves the old tables in their place, running", async () => {
  let isBroken = false;
  const moody: Projection = {
    ...teamNames,
    on: {
      TeamCreated: (event, entry) => {
        if (isBroken && entry.position === 1n) throw new Error("not this time");
        return teamNames.on.TeamCreated?.(event, entry) ?? [];
      },
    },
  };
  const projections = await startProjections({ database, wake, projections: [moody] });
  await projections.reached(await append("a"), 10_000);
  isBroken = true;
  await expect(projections.rebuild("team_names")).rejects.toThrow("not this time");
  await projections.reached(await append("b"), 10_000);
  expect(await rows()).toEqual([{ id: "a" }, { id: "b" }]);
  await projections.close();
});

test("a new version builds beside the old one", async () => {
  const next: Projection = { ...teamNames, version: 2 };
  await append("a");
  const projections = await startProjections({ database, wake, projections: [teamNames, next] });
  await projections.reached(1n, 10_000);
  expect(await database.sql.query("SELECT id FROM team_names_v2.team")).toEqual(await rows());
  await projections.close();
});
