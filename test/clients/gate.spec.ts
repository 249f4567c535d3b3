// Real clients through the gate, in front of servers of both eras: what they do directly they do through it. A person would
// notice a tool that is not offered, a question that is not asked, an answer that does not come; so does this.

import { expect, test } from "vitest";
import { describeWith } from "../support/real-part.ts";
import { missesOfPrefixedTurn, missesOfTurn, turnSettings } from "./claude-code-turn.ts";
import { runCodex } from "./codex.ts";
import { startFixtureServer } from "./fixture-server.ts";
import { openGateTo } from "./gate-to.ts";
import { runInspector } from "./inspector.ts";
import { clientsAvailability } from "./install.ts";
import { connectThroughMcpRemote } from "./mcp-remote.ts";
import { call, inOrder } from "./script.ts";

const runMsMax = 60_000;
const name = (tool: string): string => `mcp__tollgate__${tool}`;
const serverEras = ["legacy", "modern"] as const;

const availability = await clientsAvailability();

describeWith(availability, "Claude Code, through the gate", () => {
  test.each(turnSettings)(
    "in its $client era, with a $server server",
    async (setting) => {
      expect(await missesOfTurn(setting)).toEqual([]);
    },
    runMsMax,
  );

  test.each(["auto", "legacy"] as const)(
    "in its %s era, with servers of both eras in one turn, under their names",
    async (era) => {
      expect(await missesOfPrefixedTurn(era)).toEqual([]);
    },
    runMsMax,
  );
});

describeWith(availability, "Codex, through the gate", () => {
  const script = inOrder([call(name("echo"), { text: "hi" }), call(name("ask_name"))]);

  test.each(serverEras.flatMap((server) => [false, true].map((isModern) => ({ server, isModern }))))(
    "lists, calls and declines a question, with a $server server, its modern switch on: $isModern",
    async ({ server, isModern }) => {
      await using upstream = await startFixtureServer(server);
      await using gate = await openGateTo({ fixture: upstream.url });
      const features = isModern ? { mcp_2026_07_28: true } : {};
      const report = await runCodex({ url: gate.plainUrl, bearer: gate.bearer, script, features });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done", outside: [] });
      expect(report.offered[0]).toEqual(["ask_name", "echo", "grow"].map(name));
      expect(report.outcomes.map(({ text }) => text)).toEqual(["echo: hi", "no name: decline"]);
      expect([...gate.eras()]).toEqual([isModern ? "modern" : "legacy"]);
    },
    runMsMax,
  );

  test(
    "finds the tools of two servers at the default endpoint",
    async () => {
      await using legacy = await startFixtureServer("legacy");
      await using modern = await startFixtureServer("modern");
      await using gate = await openGateTo({ former: legacy.url, newer: modern.url });
      const calls = ["former__echo", "newer__echo"].map((tool) => call(name(tool), { text: tool }));
      const report = await runCodex({ url: gate.url, headers: gate.headers, script: inOrder(calls) });
      expect(report.outcomes.map(({ text }) => text)).toEqual(["echo: former__echo", "echo: newer__echo"]);
    },
    runMsMax,
  );
});

describeWith(availability, "The Inspector, through the gate", () => {
  test.each(serverEras.flatMap((server) => (["legacy", "auto", "modern"] as const).map((era) => ({ server, era }))))(
    "lists and calls the tools of a $server server in the era $era",
    async ({ server, era }) => {
      await using upstream = await startFixtureServer(server);
      await using gate = await openGateTo({ fixture: upstream.url });
      const { url, headers } = gate;
      const listed = await runInspector({ url, headers, era, method: "tools/list" });
      const tools = ["fixture__echo", "fixture__ask_name", "fixture__grow"].map((tool) => ({ name: tool }));
      expect(listed, listed.stderr).toMatchObject({ exitCode: 0, result: { result: { tools } } });
      const tool = { name: "fixture__echo", arguments: { text: "hi" } };
      const called = await runInspector({ url, headers, era, method: "tools/call", tool });
      const result = { content: [{ type: "text", text: "echo: hi" }] };
      expect(called, called.stderr).toMatchObject({ exitCode: 0, result: { result } });
      expect([...gate.eras()]).toEqual([era === "legacy" ? "legacy" : "modern"]);
    },
    runMsMax,
  );
});

describeWith(availability, "mcp-remote, through the gate", () => {
  test.each(serverEras)(
    "lists and calls the tools of a %s server for a client on stdio",
    async (server) => {
      await using upstream = await startFixtureServer(server);
      await using gate = await openGateTo({ fixture: upstream.url });
      await using bridge = await connectThroughMcpRemote({ url: gate.url, headers: gate.headers });
      const { tools } = await bridge.client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual(["fixture__echo", "fixture__ask_name", "fixture__grow"]);
      const result = await bridge.client.callTool({ name: "fixture__echo", arguments: { text: "hi" } });
      expect(result).toMatchObject({ content: [{ type: "text", text: "echo: hi" }] });
    },
    runMsMax,
  );
});
