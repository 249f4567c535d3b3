import { test } from "vitest";
import { startGate, viewWith, team, key, server, group } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { ToolNaming } from "@tollgate/schema/resources";
import { startFixture } from "./fixture.ts";
import { startShim } from "./shim.ts";
import { runSuite } from "./suite.ts";

const era = (process.env["ERA"] ?? "modern") as "modern" | "legacy";
const spec = process.env["SPEC"] ?? "2026-07-28";
test("try", { timeout: 180_000 }, async () => {
  await using fixture = await startFixture({ era, transport: "http" });
  const agent = key(["*/*"]);
  const gate = await startGate(viewWith([team(), agent.resource, server("f", fixture.url, { timeoutSeconds: 20 }), group("plain", { naming: ToolNaming.NONE })]), { TOLLGATE_LOG_LEVEL: process.env["LL"] ?? "warn" });
  await using shim = await startShim({ target: `${gate.url}/mcp/plain`, headers: { "x-tollgate-key": agent.text } });
  const result = await runSuite(spec === "2025-06-18" ? { url: shim.url, specVersion: spec } : { url: shim.url, requirements: spec as "2026-07-28" });
  for (const { scenario, outcome, isScored, failures, warnings } of result.scenarios)
    if (outcome === "failed" || warnings.length) console.log(isScored ? "" : "(unscored)", scenario, outcome, failures.join(" | ").slice(0, 600), warnings.join(" | ").slice(0, 300));
  console.log(era, spec, result.scored);
  console.log(JSON.stringify(gate.facts.filter(f => f.kind.case !== "toolCallCompleted").map(f => f.kind.value)).slice(0,3000));
  await gate.stop();
});
