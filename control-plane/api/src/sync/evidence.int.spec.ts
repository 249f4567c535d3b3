// Where there is no topic, proxies are the only ones who know that the database was restored: without what they show, keys
// revoked after the restore at positions that they have applied would go on working, and nobody would be told.

import { TollgateError } from "@tollgate/kernel/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { incarnationMax } from "../config.ts";
import { openDatabase, type Database } from "../database.ts";
import { meta, teamStep } from "../log/deciders.fixture.ts";
import { handle } from "../log/handle.ts";
import { raiseIncarnation } from "../log/incarnation.ts";
import { emptyHash, head, type Head } from "../log/read.ts";
import { createEvidence, type Claim } from "./evidence.ts";

let own: TestDatabase;
let database: Database;
let now: Head;

beforeAll(async () => {
  own = await createDatabase("evidence");
  database = await openDatabase({ url: own.url });
  for (const id of ["a", "b", "c"]) await handle(database, teamStep(id), meta);
  now = await head(database.sql);
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

function watching() {
  const told: unknown[] = [];
  let nowMs = 0;
  const evidence = createEvidence({ error: (detail: unknown) => void told.push(detail) }, () => nowMs);
  const examine = (claim: Partial<Claim>) =>
    evidence.examine(database.sql, "proxy", { log: now.log, position: now.position, hash: now.hash, ...claim }).then(
      () => "taken",
      (error: unknown) => (error instanceof TollgateError ? error.code : String(error)),
    );
  return { evidence, told, examine, pass: (ms: number) => void (nowMs += ms) };
}

test("what is of this log is taken, from its beginning to its head", async () => {
  const { examine, evidence } = watching();
  expect(await examine({})).toBe("taken");
  expect(await examine({ position: 0n, hash: emptyHash })).toBe("taken");
  expect(evidence.count()).toBe(0);
});

test("another log and a former incarnation are told to be that, and accuse nobody", async () => {
  const { examine, evidence } = watching();
  expect(await examine({ log: { id: "another", incarnation: 1 } })).toBe("sync.log-differs");
  expect(await examine({ log: { ...now.log, incarnation: 0 } })).toBe("sync.log-differs");
  expect(evidence.count()).toBe(0);
});

test.each<[string, () => Partial<Claim>]>([
  ["a position beyond the head", () => ({ position: now.position + 1n })],
  ["another hash where both have an event", () => ({ hash: new Uint8Array(32).fill(9) })],
  ["a position that no log has", () => ({ position: 2n ** 64n - 1n })],
  ["a later incarnation", () => ({ log: { ...now.log, incarnation: now.log.incarnation + 1 } })],
])("%s shows that this log is behind: told once a minute with the proxy, and counted", async (_, claim) => {
  const { examine, evidence, told, pass } = watching();
  expect(await examine(claim())).toBe("sync.log-behind");
  expect(await examine(claim())).toBe("sync.log-behind");
  expect([told.length, evidence.count()]).toEqual([1, 2]);
  expect(told[0]).toMatchObject({ proxyId: "proxy" });
  pass(60_000);
  await examine(claim());
  expect([told.length, evidence.count()]).toEqual([2, 3]);
});

test("whatever a proxy says, the incarnation that is advised is one that can be set", async () => {
  const { examine, told } = watching();
  await examine({ log: { ...now.log, incarnation: 2 ** 31 } });
  expect(told).toMatchObject([{ wanted: incarnationMax }]);
});

test("the next incarnation makes of it a former one, and is raised once and never lowered", async () => {
  const { examine } = watching();
  expect(await raiseIncarnation(database.sql, now.log.incarnation + 1)).toBe(true);
  expect(await raiseIncarnation(database.sql, now.log.incarnation + 1)).toBe(false);
  expect(await raiseIncarnation(database.sql, now.log.incarnation)).toBe(false);
  expect(await examine({ position: now.position + 1n })).toBe("sync.log-differs");
});
