// The table of proxies: where each start of a machine brings a proxy of a new id, rows that nobody deletes would be more
// every day, and the fleet's screen slower.

import { create } from "@bufbuild/protobuf";
import { ReportRequestSchema } from "@tollgate/schema/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "../../../../test/support/database.ts";
import { openDatabase, type Database } from "../database.ts";
import { readFleet, storeReport } from "./fleet.ts";

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
