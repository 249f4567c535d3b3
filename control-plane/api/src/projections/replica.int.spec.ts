// The replica's rows are what a proxy would hold: the same fold, the same bytes, the same digests, at one position.

import { digest, empty, apply, fromSnapshot, type Replica } from "@tollgate/kernel/replica";
import { create } from "@bufbuild/protobuf";
import { RecordSchema } from "@tollgate/schema/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { keys, keyStep, meta, servers, serverStep, teams, teamStep } from "../log/deciders.fixture.ts";
import { handleAll } from "../log/handle.ts";
import { head, readLog } from "../log/read.ts";
import { advance, createTables } from "./advance.ts";
import { readResources, replicaProjection, type StoredResource } from "./replica.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("replica");
  database = await openDatabase({ url: own.url });
  await createTables(database, replicaProjection, "replica_v1");
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

const take = () => database.transaction((sql) => advance(sql, replicaProjection, "replica_v1", 10_000));

async function snapshot(): Promise<Replica> {
  const resources: StoredResource[] = [];
  const { position } = await readResources(database, async (page) => void resources.push(...page));
  return fromSnapshot(
    position,
    resources.map(({ kind, id, body }) => ({ kind, id, bytes: body })),
  );
}

async function folded(): Promise<Replica> {
  let replica = empty();
  for (const { position, commit, logged } of await readLog(database.sql, 0n, 10_000)) {
    const { type, scopes, body } = logged;
    // Each as a commit of its own: where commits end does not matter to the fold's result.
    replica = apply(replica, [create(RecordSchema, { position, commit: position, type, scopes, body })]);
    expect(commit).toBeGreaterThanOrEqual(position);
  }
  return replica;
}

test("an empty log is an empty snapshot at position 0", async () => {
  expect((await snapshot()).position).toBe(0n);
});

test("a snapshot is the fold of the log, digest by digest, after changes and removals, and over many pages", async () => {
  const many = Array.from({ length: 2_300 }, (_, n) => keyStep(`key-${n}`, "red"));
  const urls = ["http://one/", "http://two/"];
  const steps = [teamStep("red"), teamStep("blue"), serverStep("s"), serverStep("t"), ...many];
  await handleAll(database, steps, meta);
  await handleAll(
    database,
    [
      { decider: servers, id: "s", command: { kind: "move", urls } },
      { decider: servers, id: "t", command: { kind: "retire" } },
      { decider: keys, id: "key-7", command: { kind: "revoke" } },
      { decider: teams, id: "blue", command: { kind: "retire" } },
    ],
    meta,
  );
  await take();
  const [stored, expected] = [await snapshot(), await folded()];
  expect(stored.position).toBe((await head(database.sql)).position);
  expect(stored.position).toBe(expected.position);
  for (const kind of expected.kinds.keys()) expect(digest(stored, kind), kind).toEqual(digest(expected, kind));
});

test("events taken twice leave the same rows", async () => {
  const once = await database.sql.query("SELECT * FROM replica_v1.resource ORDER BY kind, id");
  await database.sql.query("UPDATE replica_v1.checkpoint SET position = 0");
  await take();
  expect(await database.sql.query("SELECT * FROM replica_v1.resource ORDER BY kind, id")).toEqual(once);
});

test("what is appended during a read does not show in it", async () => {
  let pages = 0;
  let rows = 0;
  const { position } = await readResources(database, async (page) => {
    if (pages++ === 0) {
      await handleAll(database, [teamStep("zz-late")], meta);
      await take();
    }
    rows += page.length;
  });
  expect(position).toBe((await head(database.sql)).position - 1n);
  const [now] = await database.sql.query<{ count: bigint }>("SELECT count(*) FROM replica_v1.resource");
  expect(BigInt(rows)).toBe((now?.count ?? 0n) - 1n);
});
