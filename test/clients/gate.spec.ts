// Real clients through the gate, in front of servers of both eras: what they do directly they do through it. A person would
// notice a tool that is not offered, a question that is not asked, an answer that does not come; so does this.

import { ToolNaming } from "@tollgate/schema/resources";
import { expect, onTestFinished, test } from "vitest";
import { group, key, server, startGate, team, viewWith } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { describeWith } from "../support/real-part.ts";
import { runClaudeCode } from "./claude-code.ts";
import { startFixtureServer } from "./fixture-server.ts";
import { clientsAvailability } from "./install.ts";
import { call, inOrder, whenOffered } from "./script.ts";

const name = (tool: string): string => `mcp__tollgate__${tool}`;
const runMsMax = 60_000;

const script = inOrder(
  [call(name("echo"), { text: "hi" }), call(name("ask_name")), call(name("grow"))],
  whenOffered(call(name("grown")), call(name("echo"), { text: "not yet" }), 20),
);

async function gateTo(url: string): Promise<{ url: string; headers: Record<string, string> }> {
  const agent = key(["*/*"]);
  const plain = group("plain", { naming: ToolNaming.NONE });
  const gate = await startGate(viewWith([team(), agent.resource, server("fixture", url), plain]), {
    TOLLGATE_LOG_LEVEL: "info",
  });
  onTestFinished(() => gate.stop());
  return { url: `${gate.url}/mcp/plain`, headers: { "x-tollgate-key": agent.text } };
}

const availability = await clientsAvailability();

describeWith(availability, "Claude Code, through the gate", () => {
  for (const serverEra of ["legacy", "modern"] as const)
    for (const era of ["auto", "legacy"] as const)
      test(
        `in its ${era} era, with a ${serverEra} server`,
        async () => {
          await using upstream = await startFixtureServer(serverEra);
          const gate = await gateTo(upstream.url);
          const report = await runClaudeCode({ ...gate, era, script, accept: { name: "Ada" } });
          expect(report, report.stderr).toMatchObject({ exitCode: 0, serverStatus: "connected", result: "done" });
          expect(report.offered[0]).toEqual(["ask_name", "echo", "grow"].map(name));
          expect(report.offered.at(-1)).toEqual(["ask_name", "echo", "grow", "grown"].map(name));
          const said = report.outcomes.filter(({ text }) => text !== "echo: not yet");
          expect(said.map(({ text }) => text)).toEqual([
            "echo: hi",
            "Hello, Ada",
            "there is a tool more",
            "I was added later",
          ]);
          expect(report.asked).toMatchObject([{ mcp_server_name: "tollgate", message: "What is your name?" }]);
        },
        runMsMax,
      );
});
