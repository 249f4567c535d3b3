// Codex at the gate's door to models, with its tools from the same gate: it says its model's base URL and a key, and nothing
// else is different. What it sends reaches the provider to the byte, its tool calls are found at the turns that asked for them,
// and where its key is gone it says so.
import { UsageBasis } from "@tollgate/schema/usage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../support/real-part.ts";
import { billed, counted } from "./bill.ts";
import { runCodex } from "./codex.ts";
import { startFixtureServer } from "./fixture-server.ts";
import { clientsAvailability } from "./install.ts";
import { openModelGate, providerKeys } from "./model-gate.ts";
import { call, inOrder } from "./script.ts";

const runMsMax = 60_000;
const name = (tool: string): string => `mcp__tollgate__${tool}`;
const script = inOrder([call(name("echo"), { text: "hi" })]);

let fixture: { url: string } & AsyncDisposable;

describeWith(await clientsAvailability(), "Codex, with models and tools through the gate", () => {
  beforeAll(async () => {
    fixture = await startFixtureServer("modern");
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  test.each(["/openai/v1", "/v1"])(
    "works with a tool at '%s', and the call is found at the turn that asked for it",
    async (path) => {
      await using gate = await openModelGate({ script, servers: { fixture: fixture.url } });
      const report = await runCodex({ model: gate.at(path), ...gate.mcp });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done", outside: [] });
      expect(report.outcomes).toMatchObject([{ tool: name("echo"), text: "echo: hi" }]);
      const [callId = ""] = report.outcomes.map((outcome) => outcome.callId);
      const [tool] = gate.toolFacts();
      expect(tool).toMatchObject({ toolUseId: callId, tool: "echo", keyId: gate.keyId });
      const turn = {
        ...{ door: "openai", operation: "responses", provider: "gpt", credential: "first", status: 200 },
        ...{ streamed: true, attempts: 1, basis: UsageBasis.EXACT, sessionId: tool?.sessionId },
        ...{ clientName: "codex_exec", clientVersion: "0.171.0", stopReason: "completed" },
      };
      expect(gate.modelFacts()).toMatchObject([
        { ...turn, toolUseIds: [callId] },
        { ...turn, toolUseIds: [] },
      ]);
      expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
      expect(gate.changes(path)).toEqual([]);
    },
    runMsMax,
  );

  /** It asks five times again whatever it is told, and then it shows the gate's words. */
  test(
    "says that its key is not known when it was revoked, and none of its requests goes on",
    async () => {
      await using gate = await openModelGate({ script });
      gate.revoke();
      const report = await runCodex({ model: gate.at("/openai/v1"), ...gate.mcp, isRequired: false });
      expect(report.exitCode).toBe(1);
      expect(JSON.stringify(report.events)).toContain("The key is not known");
      expect(gate.mock.exchanges).toEqual([]);
      expect(new Set(gate.tap.seen.map(({ status }) => status))).toEqual(new Set([401]));
      expect(gate.tap.seen.length).toBeLessThanOrEqual(6);
    },
    runMsMax,
  );

  test(
    "asks again when the provider has a fault, and each time is in the facts",
    async () => {
      await using gate = await openModelGate({ script, servers: { fixture: fixture.url } });
      gate.mock.failCredential(providerKeys.gpt, { status: 503 }, 1);
      const report = await runCodex({ model: gate.at("/openai/v1"), ...gate.mcp });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(gate.modelFacts().map(({ status, basis }) => [status, basis])).toEqual([
        [503, UsageBasis.NONE],
        [200, UsageBasis.EXACT],
        [200, UsageBasis.EXACT],
      ]);
      expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
      expect(gate.changes("/openai")).toEqual([]);
    },
    runMsMax,
  );
});
