// A proxy whose state is not the log's is found by its digests, and by nothing else: it answers calls, reports positions and
// has no error. What it may say of itself that is no mistake must not make it take snapshots.

import { create } from "@bufbuild/protobuf";
import { apply, digest, empty, type Replica } from "@tollgate/kernel/replica";
import { ReportRequestSchema, type ReportRequest } from "@tollgate/schema/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { keyStep, meta, serverStep, teamStep } from "../log/deciders.fixture.ts";
import { handle, handleAll } from "../log/handle.ts";
import { readLog } from "../log/read.ts";
import { openWake, type Wake } from "../log/wake.ts";
import { replicaProjection } from "../projections/replica.ts";
import { startProjections, type Projections } from "../projections/runner.ts";
import { createDigests } from "./digests.ts";
import { recordOf } from "./records.ts";

let own: TestDatabase;
let database: Database;
let wake: Wake;
let projections: Projections;

beforeAll(async () => {
  own = await createDatabase("digests");
  database = await openDatabase({ url: own.url });
  wake = await openWake(database);
  projections = await startProjections({ database, wake, projections: [replicaProjection] });
  await handleAll(database, [teamStep("t"), keyStep("k", "t"), serverStep("s")], meta);
});

afterAll(async () => {
  await projections?.close();
  await wake?.close();
  await database?.close();
  await own?.drop();
});

async function folded(): Promise<Replica> {
  const replica = apply(empty(), (await readLog(database.sql, 0n, 1_000)).map(recordOf));
  await projections.reached(replica.position, 10_000);
  return replica;
}

function reportOf(replica: Replica, changed: Partial<ReportRequest> = {}): ReportRequest {
  const digests = [...replica.kinds.keys()].map((kind) => ({ kind, digest: digest(replica, kind) }));
  return { ...create(ReportRequestSchema, { applied: replica.position, digests }), ...changed };
}

function looking() {
  let nowMs = 0;
  const problems: unknown[] = [];
  const digests = createDigests({
    database,
    onProblem: (error) => void problems.push(error),
    monotonicMs: () => nowMs,
  });
  return { digests, problems, pass: (ms: number) => void (nowMs += ms) };
}

test("a state that is the log's is found to be it, and one that is not by its kind", async () => {
  const replica = await folded();
  const { digests, problems } = looking();
  const wrong = reportOf(replica);
  wrong.digests.find(({ kind }) => kind === "key")?.digest.fill(1);
  expect(digests.diverged(wrong)).toEqual([]);
  await digests.settled();
  expect(digests.diverged(wrong)).toEqual(["key"]);
  expect(digests.diverged(reportOf(replica))).toEqual([]);
  expect(problems).toEqual([]);
});

test("a kind of which a proxy refuses something is not compared; one that differs as a whole goes on being", async () => {
  const replica = await folded();
  const { digests } = looking();
  digests.diverged(reportOf(replica));
  await digests.settled();
  const nack = (scope: string) => create(ReportRequestSchema, { nacks: [{ scope }] }).nacks;
  const wrong = reportOf(replica, { nackCount: 1n });
  wrong.digests.find(({ kind }) => kind === "key")?.digest.fill(1);
  expect(digests.diverged({ ...wrong, nacks: nack("key/k") })).toEqual([]);
  expect(digests.diverged({ ...wrong, nacks: nack("key/*") })).toEqual(["key"]);
  expect(digests.diverged({ ...wrong, nackCount: 101n })).toEqual([]);
});

test("digests are summed when the position is a later one, and not again at once", async () => {
  const { digests, pass } = looking();
  const before = await folded();
  digests.diverged(reportOf(before));
  await digests.settled();
  await handle(database, teamStep("later"), meta);
  const after = await folded();
  const wrong = reportOf(after);
  wrong.digests.find(({ kind }) => kind === "team")?.digest.fill(1);
  digests.diverged(wrong);
  await digests.settled();
  expect(digests.diverged(wrong)).toEqual([]);
  pass(60_000);
  digests.diverged(wrong);
  await digests.settled();
  expect(digests.diverged(wrong)).toEqual(["team"]);
});
