// Guarantees of the name rows: one holder at a time whatever the race, nobody refers to what is gone, and only what lives
// holds a name.

import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { keys, keyStep, meta, servers, serverStep, teams, teamStep } from "./deciders.fixture.ts";
import { handle, handleAll } from "./handle.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createDatabase("names");
  database = await openDatabase({ url: own.url, connectionsMax: 40 });
});

afterAll(async () => {
  await database?.close();
  await own?.drop();
});

const retireTeam = (id: string) => ({ decider: teams, id, command: { kind: "retire" } as const });
const revokeKey = (id: string) => ({ decider: keys, id, command: { kind: "revoke" } as const });
const retireServer = (id: string) => ({ decider: servers, id, command: { kind: "retire" } as const });
const rename = (id: string, name: string) => ({ decider: servers, id, command: { kind: "rename", name } as const });

test("of many streams that want one name at once, exactly one gets it", async () => {
  for (let round = 0; round < 10; round++) {
    const wanted = `wanted-${round}`;
    const done = await Promise.all(
      Array.from({ length: 16 }, (_, n) => handle(database, teamStep(`racer-${round}-${n}`, wanted), meta)),
    );
    expect(done.filter(({ outcome }) => outcome === "accepted")).toHaveLength(1);
    for (const one of done)
      if (one.outcome === "refused") expect(one.refusal).toEqual({ kind: "name-taken", name: wanted });
  }
});

test("renames that race for one name, and swap theirs, end with one holder a name", async () => {
  await handle(database, serverStep("left"), meta);
  await handle(database, serverStep("right"), meta);
  const raced = await Promise.all([
    handle(database, rename("left", "middle"), meta),
    handle(database, rename("right", "middle"), meta),
  ]);
  expect(raced.map(({ outcome }) => outcome).sort()).toEqual(["accepted", "refused"]);
  // Each waits for the other's row: one of them is refused or retried, and neither hangs.
  await handle(database, serverStep("red"), meta);
  await handle(database, serverStep("blue"), meta);
  await Promise.all([handle(database, rename("red", "blue"), meta), handle(database, rename("blue", "red"), meta)]);
  const held = await database.sql.query<{ name: string }>(
    "SELECT name FROM log.name WHERE stream IN ('server/red', 'server/blue') ORDER BY name",
  );
  expect(held).toEqual([{ name: "blue" }, { name: "red" }]);
});

test("a rename frees the former name, and the same name in another kind is another name", async () => {
  await handle(database, serverStep("first", "alpha"), meta);
  expect((await handle(database, rename("first", "beta"), meta)).outcome).toBe("accepted");
  expect((await handle(database, serverStep("second", "alpha"), meta)).outcome).toBe("accepted");
  expect((await handle(database, teamStep("third", "alpha"), meta)).outcome).toBe("accepted");
  expect(await handle(database, rename("second", "beta"), meta)).toEqual({
    outcome: "refused",
    refusal: { kind: "name-taken", name: "beta" },
  });
});

test("a name is free again once its holder is gone", async () => {
  await handle(database, serverStep("mortal", "reused"), meta);
  expect((await handle(database, retireServer("mortal"), meta)).outcome).toBe("accepted");
  expect((await handle(database, serverStep("heir", "reused"), meta)).outcome).toBe("accepted");
});

test("what is referred to is not released, until who refers to it is gone", async () => {
  await handle(database, teamStep("needed"), meta);
  await handle(database, keyStep("needs", "needed"), meta);
  expect(await handle(database, retireTeam("needed"), meta)).toEqual({
    outcome: "refused",
    refusal: { kind: "in-use", by: "key/needs" },
  });
  expect(await handleAll(database, [revokeKey("needs"), retireTeam("needed")], meta)).toMatchObject({
    outcome: "accepted",
  });
});

test("what was never there, or has gone, is not referred to", async () => {
  await handle(database, teamStep("was-there"), meta);
  await handle(database, retireTeam("was-there"), meta);
  for (const teamId of ["never-there", "was-there"])
    expect(await handle(database, keyStep(`hopeful-${teamId}`, teamId), meta)).toEqual({
      outcome: "refused",
      refusal: { kind: "reference-missing", scope: `team/${teamId}` },
    });
});

test("a release that races with a reference: one of them is refused, and no reference points at nothing", async () => {
  for (let round = 0; round < 20; round++) {
    const team = `edge-${round}`;
    await handle(database, teamStep(team), meta);
    const [issued, retired] = await Promise.all([
      handle(database, keyStep(`edge-key-${round}`, team), meta),
      handle(database, retireTeam(team), meta),
    ]);
    expect([issued.outcome, retired.outcome].sort()).toEqual(["accepted", "refused"]);
    if (issued.outcome === "refused") expect(issued.refusal.kind).toBe("reference-missing");
    if (retired.outcome === "refused") expect(retired.refusal).toEqual({ kind: "in-use", by: `key/edge-key-${round}` });
  }
});

test("a step of many that a name refuses is named, and nothing of the others is kept", async () => {
  await handle(database, teamStep("holder", "held"), meta);
  const steps = [teamStep("fresh"), teamStep("late", "held"), teamStep("last")];
  expect(await handleAll(database, steps, meta)).toEqual({
    outcome: "refused",
    step: 1,
    refusal: { kind: "name-taken", name: "held" },
  });
  expect(await database.sql.query("SELECT 1 FROM log.name WHERE stream IN ('team/fresh', 'team/last')")).toEqual([]);
});

test("two first commands of one stream at once: one event, and the other decides again on it", async () => {
  const same = await Promise.all([
    handle(database, serverStep("twice"), meta),
    handle(database, serverStep("twice"), meta),
  ]);
  // This fixture's decider allows registering again; what matters is that both were decided one after the other.
  expect(same.map(({ outcome }) => outcome)).toEqual(["accepted", "accepted"]);
  expect(await database.sql.query("SELECT version FROM log.event WHERE stream = 'server/twice' ORDER BY 1")).toEqual([
    { version: 1 },
    { version: 2 },
  ]);
});
