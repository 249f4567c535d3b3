// The protocol's own suite through the gate: clients of both eras, each in front of a server of either. What the suite scores
// has to pass in each cell, without a list of excuses; the pending scenarios that a cell can have pass as well. The names of
// the fixtures' tools go through as they are, at the endpoint of a group that has no prefixes.

import { ToolNaming } from "@tollgate/schema/resources";
import { afterAll, expect, test } from "vitest";
import { group, key, server, startGate, team, viewWith } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { startFixture, type Era } from "./fixture.ts";
import { startShim } from "./shim.ts";
import { runSuite, type SuiteOptions, type SuiteResult } from "./suite.ts";
import { showTable, type Run } from "./table.ts";

const timeoutMs = 120_000;
const runs: Run[] = [];

afterAll(() => showTable("gate", runs));

type Selection = { requirements: "2025-11-25" | "2026-07-28" } | { specVersion: string };

async function through(era: Era, selection: Selection): Promise<SuiteResult> {
  await using fixture = await startFixture({ era, transport: "http" });
  const agent = key(["*/*"]);
  const resources = [
    team(),
    agent.resource,
    server("fixture", fixture.url, { timeoutSeconds: 20 }),
    group("plain", { naming: ToolNaming.NONE }),
  ];
  const gate = await startGate(viewWith(resources));
  try {
    await using shim = await startShim({
      target: `${gate.url}/mcp/plain`,
      headers: { "x-tollgate-key": agent.text },
    });
    const options: SuiteOptions = { url: shim.url, ...selection };
    const result = await runSuite(options);
    const client = "requirements" in selection ? selection.requirements : selection.specVersion;
    runs.push({ client, server: era, result });
    return result;
  } finally {
    await gate.stop();
  }
}

const failed = ({ scenarios }: SuiteResult) =>
  scenarios.filter(({ isScored, outcome }) => isScored && outcome === "failed");

const outcomeOf = ({ scenarios }: SuiteResult, name: string) =>
  scenarios.find(({ scenario }) => scenario === name)?.outcome;

/** Pending in the suite: its own reference does not pass them yet. */
const pending = {
  "2026-07-28": ["json-schema-2020-12", "http-header-validation", "http-custom-header-server-validation"],
  "2025-11-25": ["json-schema-2020-12", "server-session-lifecycle", "server-sse-polling"],
} as const;

for (const era of ["modern", "legacy"] as const)
  for (const [requirements, total] of [
    ["2026-07-28", 37],
    ["2025-11-25", 30],
  ] as const)
    test(`${requirements} over a ${era} server`, { timeout: timeoutMs }, async () => {
      const result = await through(era, { requirements });
      expect(failed(result)).toEqual([]);
      expect(result.scored).toEqual({ passed: total, total });
      for (const name of pending[requirements]) expect([name, outcomeOf(result, name)]).toEqual([name, "passed"]);
    });

for (const era of ["modern", "legacy"] as const)
  test(`2025-06-18 over a ${era} server`, { timeout: timeoutMs }, async () => {
    const result = await through(era, { specVersion: "2025-06-18" });
    expect(failed(result)).toEqual([]);
    expect(result.scored).toEqual({ passed: 27, total: 27 });
  });
