// The table of proxies: where each start of a machine brings a proxy of a new id, rows that nobody deletes would be more
// every day, and the fleet's screen slower.

import { create, type Message } from "@bufbuild/protobuf";
import { knowledge } from "@tollgate/kernel/replica";
import { EnvironmentSetSchema, TeamCreatedSchema } from "@tollgate/schema/events";
import { ReportRequestSchema } from "@tollgate/schema/sync";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { meta, teams, teamStep } from "../log/deciders.fixture.ts";
import { handle } from "../log/handle.ts";
import { head } from "../log/read.ts";
import { toLogged } from "../log/record.ts";
import { readFleet, storeReport } from "./fleet.ts";
import { mustBeEnforceable } from "./knowledge.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("fleet");
  database = await openDatabase({ url: own.url });
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

const report = (proxyId: string) => storeReport(database.sql, create(ReportRequestSchema, { proxyId }));
const silentFor = (proxyId: string, hours: number) =>
  database.sql.query("UPDATE fleet.proxy SET reported_at = now() - make_interval(hours => $2) WHERE proxy_id = $1", [
    proxyId,
    hours,
  ]);
const shown = async () => (await readFleet(database.sql)).map(({ proxyId }) => proxyId);
const stored = async () =>
  (await database.sql.query<{ id: string }>("SELECT proxy_id AS id FROM fleet.proxy ORDER BY id")).map(({ id }) => id);

test("a proxy that was not heard of for a day is not shown, and its row is gone when the next one comes", async () => {
  for (const id of ["gone", "here", "quiet"]) await report(id);
  await silentFor("gone", 25);
  await silentFor("quiet", 23);
  await report("here");
  expect(await shown()).toEqual(["here", "quiet"]);
  await report("new");
  expect(await stored()).toEqual(["here", "new", "quiet"]);
});

test("one that comes back after a day is as one that was never away", async () => {
  await silentFor("quiet", 25);
  await report("quiet");
  await report("another");
  expect(await shown()).toEqual(["another", "here", "new", "quiet"]);
});

test("a reason that is cut in the middle of a character is stored", async () => {
  const nacks = [{ scope: "key/k", position: 1n, reason: `${"r".repeat(499)}\u{1f600}` }];
  await storeReport(database.sql, create(ReportRequestSchema, { proxyId: "cut", nacks }));
  const cut = (await readFleet(database.sql)).find(({ proxyId }) => proxyId === "cut");
  expect(cut?.nacks[0]?.reason).toHaveLength(500);
});

describe("what a live proxy cannot enforce", () => {
  const knows = { ...knowledge(), features: ["budgets"] };
  const lacking = (type: string) => ({ ...knows, eventTypes: knows.eventTypes.filter((one) => one !== type) });
  const reportOf = (known: Knowledge | undefined, proxyId = "old") =>
    storeReport(database.sql, create(ReportRequestSchema, { proxyId, ...(known ? { knows: known } : {}) }));
  type Knowledge = typeof knows;
  // Those of the other tests say nothing of what they know.
  beforeAll(() => database.sql.query("DELETE FROM fleet.proxy"));
  let n = 0;
  const createTeam = (isForced = false) => handle(database, teamStep(`team-${n++}`), { ...meta, isForced });
  const refused = { code: "fleet.cannot-enforce", detail: expect.stringContaining("TeamCreated") };

  test("is not put in force, unless it is forced", async () => {
    await reportOf(lacking("tollgate.v1.TeamCreated"));
    const before = await head(database.sql);
    await expect(createTeam()).rejects.toMatchObject(refused);
    expect(await head(database.sql)).toEqual(before);
    expect((await createTeam(true)).outcome).toBe("accepted");
  });

  test("does not hold up what all of them know, nor a removal, nor what no proxy gets", async () => {
    await reportOf(knows);
    const id = `team-${n}`;
    expect((await createTeam()).outcome).toBe("accepted");
    await reportOf({ ...knows, eventTypes: [] });
    const retire = { decider: teams, id, command: { kind: "retire" } } as const;
    expect((await handle(database, retire, meta)).outcome).toBe("accepted");
  });

  test("is the concern of live proxies, and of no other", async () => {
    await reportOf(lacking("tollgate.v1.TeamCreated"));
    await silentFor("old", 1);
    expect((await createTeam()).outcome).toBe("accepted");
  });

  const putting = (stream: string, event: Message) =>
    mustBeEnforceable(database.sql, [toLogged({ stream, version: 1, event }, meta)]);
  const needing = (requires: string[]) =>
    putting("team/x", create(TeamCreatedSchema, { team: { id: "x", name: "x", requires } }));

  test("is of one that does not say what it knows all that is younger than the saying", async () => {
    await reportOf(undefined);
    expect((await createTeam()).outcome).toBe("accepted");
    const set = create(EnvironmentSetSchema, { environment: { id: "x", name: "production" } });
    const younger = { code: "fleet.cannot-enforce", detail: expect.stringContaining("EnvironmentSet") };
    await expect(putting("environment/x", set)).rejects.toMatchObject(younger);
    await expect(needing(["budgets"])).rejects.toMatchObject({ detail: expect.stringContaining("budgets") });
  });

  test("includes features that a resource requires", async () => {
    await reportOf(knows);
    await needing(["budgets"]);
    await expect(needing(["budgets", "flux"])).rejects.toMatchObject({ detail: expect.stringContaining("flux") });
  });
});
