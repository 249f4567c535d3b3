// Readiness as a probe's log shows it: a projection that has stopped is named, with the event that it stopped at.

import { expect, test } from "vitest";
import type { ProjectionStatus } from "../projections/runner.ts";
import { createHealth, type HealthParts } from "./health.ts";

function healthOf(failed: ProjectionStatus["failed"], isReachable = true) {
  const query = (): Promise<never[]> => (isReachable ? Promise.resolve([]) : Promise.reject(new Error("refused")));
  const status = [{ name: "keys", version: 1, position: 6n, failed }];
  // Only what readiness asks; the rest of a database and of a runner is not there.
  const parts = {
    database: { sql: { query } },
    projections: { status: () => status },
    relay: undefined,
    evidence: { count: () => 3 },
  };
  return createHealth(parts as unknown as HealthParts);
}

test("ready is when all projections go on and the database answers, whatever proxies say of the log", async () => {
  expect(await healthOf(undefined).waitsFor()).toEqual([]);
});

test("who is about to stop is not ready, so that a balancer turns away while calls are still served", async () => {
  const health = healthOf(undefined);
  health.leave();
  expect(await health.waitsFor()).toHaveLength(1);
});

test("a stopped projection and a database that is away are both named", async () => {
  const [projection, database] = await healthOf({ position: 7n, reason: "no such column" }, false).waitsFor();
  expect(projection).toContain("keys has stopped at 7");
  expect(database).toContain("database");
});

test("what only ever grows is a counter to whoever scrapes it, and says the same however often it is asked", async () => {
  const row = { log: { incarnation: 1 }, position: 3n, proxies: 0, refusedScopes: 0, overspend: 0n };
  const parts = {
    database: { sql: { query: () => Promise.resolve([row]) } },
    projections: { status: () => [] },
    relay: undefined,
    refusedBatches: { byCode: () => new Map() },
    grpcRefusals: () => new Map([["auth.key-unknown", 2]]),
    evidence: { count: () => 0 },
    ledgerLoad: { exchanges: 3, statements: 700 },
  };
  const health = createHealth(parts as unknown as HealthParts);
  await health.metrics();
  const { text } = await health.metrics();
  for (const [name, value] of [
    ["tollgate_ledger_exchanges_total", "3"],
    ["tollgate_ledger_statements_total", "700"],
    ["tollgate_grpc_refused_total", "2"],
  ] as const) {
    expect(text).toContain(`# TYPE ${name} counter`);
    expect(text).toMatch(new RegExp(`^${name}(\\{.*\\})? ${value}$`, "m"));
  }
});
