// Guarantees of the append under concurrency, on a real PostgreSQL: positions without holes, nothing acknowledged is
// missing, nothing lost between concurrent changes, a commit is one, and what was rolled back leaves nothing.

import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { openDatabase, type Database } from "../database.ts";
import { countStep, keyStep, meta, servers, serverStep, teams, teamStep } from "./deciders.fixture.ts";
import { handle, handleAll } from "./handle.ts";
import { head, readLog, readStreams, type LogEntry } from "./read.ts";
import { verify } from "./verify.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("handle");
  database = await openDatabase({ url: own.url, connectionsMax: 40 });
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

async function readAll(after = 0n): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (;;) {
    const page = await readLog(database.sql, entries.at(-1)?.position ?? after, 1_000);
    if (page.length === 0) return entries;
    entries.push(...page);
  }
}

test("32 concurrent writers: no holes, every acknowledged command in the log, no lost update, a follower misses nothing", async () => {
  const random = seededRandom(seedFromEnv());
  // Few streams for many writers, so that most attempts meet another writer's.
  const ids = ["busy-a", "busy-b", "busy-c"];
  for (const id of ids) expect((await handle(database, serverStep(id), meta)).outcome).toBe("accepted");
  const before = (await head(database.sql)).position;

  let isWriting = true;
  const followed: bigint[] = [];
  const follower = (async () => {
    for (let last = before; ;) {
      const wasWriting = isWriting;
      const page = await readLog(database.sql, last, 100);
      followed.push(...page.map(({ position }) => position));
      last = page.at(-1)?.position ?? last;
      if (page.length === 0 && !wasWriting) return;
    }
  })();

  const acknowledged: { position: bigint; stream: string; state: number | undefined }[] = [];
  let conflicts = 0;
  await Promise.all(
    Array.from({ length: 32 }, async (_, writer) => {
      for (let n = 0; n < 12; n++) {
        const id = random.chance(0.5) ? random.pick(ids) : `own-${writer}-${n}`;
        const step = ids.includes(id) ? countStep(id) : serverStep(id);
        try {
          const done = await handle(database, step, meta);
          if (done.outcome === "refused") throw new Error(done.refusal.kind);
          const { position, state } = done;
          acknowledged.push({ position, stream: `server/${id}`, state: state?.timeoutSeconds });
        } catch (error) {
          if (!(error instanceof TollgateError) || error.code !== "log.conflict") throw error;
          conflicts++;
        }
      }
    }),
  ).finally(() => (isWriting = false));
  await follower;

  const entries = await readAll(before);
  expect(entries.map(({ position }) => position)).toEqual(entries.map((_, index) => before + BigInt(index) + 1n));
  expect(followed).toEqual(entries.map(({ position }) => position));
  // A command that was not acknowledged is not in the log, either: a conflict wrote nothing.
  expect(entries).toHaveLength(acknowledged.length);
  expect(acknowledged.length + conflicts).toBe(32 * 12);
  const streamAt = new Map(entries.map(({ position, logged }) => [position, logged.stream]));
  for (const { position, stream } of acknowledged) expect(streamAt.get(position)).toBe(stream);
  for (const id of ids) {
    const counts = acknowledged.filter(({ stream }) => stream === `server/${id}`).map(({ state }) => state ?? 0);
    expect(counts.sort((a, b) => a - b)).toEqual(counts.map((_, index) => index + 1));
  }
  expect(await verify(database)).toMatchObject({ outcome: "intact", position: before + BigInt(entries.length) });
}, 60_000);

test("writers of one stream that meet all the time end in log.conflict or in the log, never in both", async () => {
  await handle(database, serverStep("hot"), meta);
  const done = await Promise.allSettled(Array.from({ length: 40 }, () => handle(database, countStep("hot"), meta)));
  const accepted = done.filter(({ status }) => status === "fulfilled").length;
  for (const one of done) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "log.conflict" });
  const events = (await readStreams(database.sql, ["server/hot"])).get("server/hot");
  expect(events).toHaveLength(1 + accepted);
});

test("all events of a transaction carry one commit, its last position, and steps see those before them", async () => {
  const before = (await head(database.sql)).position;
  const move = { decider: servers, id: "multi", command: { kind: "move", urls: ["http://a/", "http://b/"] } as const };
  const done = await handleAll(database, [teamStep("multi"), serverStep("multi"), move, keyStep("m", "multi")], meta);
  expect(done).toMatchObject({ outcome: "accepted", position: before + 5n });
  const entries = await readAll(before);
  expect(entries.map(({ commit }) => commit)).toEqual([5n, 5n, 5n, 5n, 5n].map((n) => before + n));
  expect(entries.map(({ logged }) => `${logged.stream} ${logged.version}`)).toEqual([
    "team/multi 1",
    "server/multi 1",
    "server/multi 2",
    "server/multi 3",
    "key/m 1",
  ]);
  expect(entries.at(-1)?.logged.scopes).toEqual(["key/m"]);
});

test("a refused step takes the whole transaction back and is named", async () => {
  const before = await head(database.sql);
  const done = await handleAll(
    database,
    [teamStep("gone"), { decider: servers, id: "nowhere", command: { kind: "retire" } }],
    meta,
  );
  expect(done).toEqual({ outcome: "refused", step: 1, refusal: { kind: "absent" } });
  expect(await head(database.sql)).toEqual(before);
  // Its name is free again.
  expect((await handle(database, teamStep("other", "gone"), meta)).outcome).toBe("accepted");
});

test("a transaction that is rolled back leaves no hole", async () => {
  const before = await head(database.sql);
  const broken = handle(database, teamStep("rolled-back"), meta, {
    within: () => Promise.reject(new Error("the disk is full")),
  });
  await expect(broken).rejects.toThrow("the disk is full");
  // Rolled back after the positions were given out, as when the process dies before its COMMIT.
  const late = database.transaction(async (sql) => {
    await sql.query("SELECT log.append('{team/x}', '{1}', '{x}', ARRAY['x'::bytea])");
    throw new Error("died before the commit");
  });
  await expect(late).rejects.toThrow("died before the commit");
  expect(await head(database.sql)).toEqual(before);
  expect(await handle(database, teamStep("after-roll-back"), meta)).toMatchObject({ position: before.position + 1n });
  expect((await verify(database)).outcome).toBe("intact");
});

test("what runs within is in the same transaction, before the append", async () => {
  await database.sql.query("CREATE TABLE beside (position bigint)");
  const done = await handle(database, teamStep("within"), meta, {
    async within(sql) {
      await sql.query("INSERT INTO beside SELECT position FROM log.head");
    },
  });
  if (done.outcome !== "accepted") throw new Error("refused");
  expect(await database.sql.query("SELECT * FROM beside")).toEqual([{ position: done.position - 1n }]);
});

test("an accepted decision without events appends nothing and answers the head", async () => {
  const before = await head(database.sql);
  await handle(database, serverStep("quiet"), meta);
  const done = await handle(database, { decider: servers, id: "quiet", command: { kind: "move", urls: [] } }, meta);
  expect(done).toMatchObject({ outcome: "accepted", position: before.position + 1n, state: { id: "quiet" } });
});

test("an event beyond the size bound, and a commit of too many, are refused before anything is written", async () => {
  const before = await head(database.sql);
  const large = handle(database, serverStep("large", "large", "x".repeat(limits.eventBytesMax)), meta);
  await expect(large).rejects.toMatchObject({ code: "log.too-large" });
  const urls = Array.from({ length: limits.commitEventsMax + 1 }, () => "");
  const many = handleAll(
    database,
    [serverStep("many"), { decider: servers, id: "many", command: { kind: "move", urls } }],
    meta,
  );
  await expect(many).rejects.toMatchObject({ code: "log.too-large" });
  expect(await head(database.sql)).toEqual(before);
});

test("the largest commit is one statement and stays linear in its events", async () => {
  const before = (await head(database.sql)).position;
  const steps = Array.from({ length: limits.commitEventsMax }, (_, index) => teamStep(`bulk-${index}`));
  const done = await handleAll(database, steps, meta);
  expect(done).toMatchObject({ outcome: "accepted", position: before + BigInt(limits.commitEventsMax) });
  expect((await verify(database)).outcome).toBe("intact");
}, 60_000);

test("an event of another stream's kind is a bug, not a write", async () => {
  const wrong = { ...teams, stream: "key" };
  await expect(handle(database, { ...teamStep("wrong"), decider: wrong }, meta)).rejects.toThrow("does not belong");
});
