// The drivers of real clients against servers directly, with no gate between: what fails here is the driver's or the
// client's, and what later fails only through the gate is the gate's. It also pins which requests a client opens with,
// because the gate is built for these; README.md beside it has the rest of what was measured.
import { expect, test } from "vitest";
import { describeWith } from "../support/real-part.ts";
import { runClaudeCode } from "./claude-code.ts";
import { runCodex } from "./codex.ts";
import { startFixtureServer, type Era } from "./fixture-server.ts";
import { runInspector } from "./inspector.ts";
import { clientsAvailability } from "./install.ts";
import { connectThroughMcpRemote } from "./mcp-remote.ts";
import { seenBy, wordOf } from "./recorded.ts";
import { call, inOrder, whenOffered } from "./script.ts";

const name = (tool: string): string => `mcp__tollgate__${tool}`;
const headers = { "x-tollgate-key": "tg_key_of_nobody" };
const runMsMax = 60_000;

/** A question, a growing list and plain calls in one turn: three starts of the program would take three times as long. */
const script = inOrder(
  [call(name("echo"), { text: "hi" }), call(name("ask_name")), call(name("grow"))],
  whenOffered([call(name("grown"))], call(name("echo"), { text: "not yet" }), 20),
);

/** What it sends until the first call: one after the other, then at the same time. */
const opening: Readonly<Record<Era, { inOrder: readonly string[]; together: readonly string[] }>> = {
  legacy: {
    inOrder: ["server/discover", "initialize", "notifications/initialized"],
    together: ["GET", "tools/list"],
  },
  modern: { inOrder: ["server/discover"], together: ["subscriptions/listen", "tools/list"] },
};

const availability = await clientsAvailability();

describeWith(availability, "Claude Code, directly", () => {
  test.each(["legacy", "modern"] as const)(
    "calls tools, answers a question by its hook and follows a growing list of a %s server",
    async (era) => {
      await using server = await startFixtureServer(era);
      const report = await runClaudeCode({ url: server.url, headers, script, accept: { name: "Ada" } });
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
      expect(report.outside).toEqual([]);

      const seen = await seenBy(server.url);
      const words = seen.map(wordOf);
      const { inOrder: first, together } = opening[era];
      expect(words.slice(0, first.length)).toEqual(first);
      expect(words.slice(first.length, words.indexOf("tools/call")).toSorted()).toEqual(together);
      expect(seen.map((request) => request.headers["x-tollgate-key"])).toEqual(
        seen.map(() => headers["x-tollgate-key"]),
      );
    },
    runMsMax,
  );

  test(
    "cancels a question when it has no hook",
    async () => {
      await using server = await startFixtureServer("modern");
      const report = await runClaudeCode({ url: server.url, script: inOrder([call(name("ask_name"))]) });
      expect(report.outcomes.map(({ text }) => text)).toEqual(["no name: cancel"]);
    },
    runMsMax,
  );

  test(
    "speaks the legacy era alone when it is told to",
    async () => {
      await using server = await startFixtureServer("legacy");
      const script = inOrder([call(name("echo"), { text: "hi" })]);
      const report = await runClaudeCode({ url: server.url, script, era: "legacy" });
      expect(report.outcomes.map(({ text }) => text)).toEqual(["echo: hi"]);
      expect((await seenBy(server.url)).map(wordOf)[0]).toBe("initialize");
    },
    runMsMax,
  );

  test(
    "goes on without a server that cannot be reached",
    async () => {
      const report = await runClaudeCode({ url: "http://127.0.0.1:9/mcp", script: inOrder([]) });
      expect(report).toMatchObject({ exitCode: 0, serverStatus: "failed", outcomes: [] });
      expect(report.offered.flat()).toEqual([]);
    },
    runMsMax,
  );
});

describeWith(availability, "Codex, directly", () => {
  const bearer = "tg_key_of_nobody";

  test(
    "lists and calls the tools of a legacy server, and declines a question",
    async () => {
      await using server = await startFixtureServer("legacy");
      const script = inOrder([call(name("echo"), { text: "hi" }), call(name("ask_name"))]);
      const report = await runCodex({ url: server.url, headers, bearer, script });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done", outside: [] });
      expect(report.offered[0]).toEqual(["ask_name", "echo", "grow"].map(name));
      expect(report.outcomes.map(({ text }) => text)).toEqual(["echo: hi", "no name: decline"]);

      const seen = await seenBy(server.url);
      const words = seen.map(wordOf);
      expect(words.slice(0, 2)).toEqual(["initialize", "notifications/initialized"]);
      expect(words.slice(2, 4).toSorted()).toEqual(["GET", "tools/list"]);
      expect(words.at(-1)).toBe("DELETE");
      expect(seen.map((request) => request.headers["authorization"])).toEqual(seen.map(() => `Bearer ${bearer}`));
      expect(seen.map((request) => request.headers["x-tollgate-key"])).toEqual(
        seen.map(() => headers["x-tollgate-key"]),
      );
    },
    runMsMax,
  );

  test(
    "speaks the modern era once its switch is on",
    async () => {
      await using server = await startFixtureServer("modern");
      const script = inOrder([call(name("echo"), { text: "hi" }), call(name("ask_name"))]);
      const report = await runCodex({ url: server.url, bearer, script, features: { mcp_2026_07_28: true } });
      expect(report.outcomes.map(({ text }) => text)).toEqual(["echo: hi", "no name: decline"]);
      const words = (await seenBy(server.url)).map(wordOf);
      expect(words).toEqual(["server/discover", "tools/list", "tools/call", "tools/call", "tools/call"]);
    },
    runMsMax,
  );

  test(
    "cannot use a modern server without it",
    async () => {
      await using server = await startFixtureServer("modern");
      const report = await runCodex({ url: server.url, bearer, script: inOrder([]) });
      expect(report).toMatchObject({ exitCode: 1, offered: [] });
      expect(report.stderr).toMatch(/tollgate.*Unsupported protocol version: 2025-06-18/s);
      expect((await seenBy(server.url)).map(wordOf)).toEqual(["initialize"]);
    },
    runMsMax,
  );
});

describeWith(availability, "The Inspector, directly", () => {
  test.each([
    { server: "legacy", era: "legacy" },
    { server: "legacy", era: "auto" },
    { server: "modern", era: "modern" },
    { server: "modern", era: "auto" },
  ] as const)(
    "lists and calls the tools of a $server server in the era $era",
    async ({ server: kind, era }) => {
      await using server = await startFixtureServer(kind);
      const listed = await runInspector({ url: server.url, headers, era, method: "tools/list" });
      expect(listed, listed.stderr).toMatchObject({
        exitCode: 0,
        result: { result: { tools: [{ name: "echo" }, { name: "ask_name" }, { name: "grow" }] } },
      });
      const tool = { name: "echo", arguments: { text: "hi" } };
      const called = await runInspector({ url: server.url, headers, era, method: "tools/call", tool });
      expect(called, called.stderr).toMatchObject({
        exitCode: 0,
        result: { result: { content: [{ type: "text", text: "echo: hi" }] } },
      });
      const seen = await seenBy(server.url);
      expect(seen.map((request) => request.headers["x-tollgate-key"])).toEqual(
        seen.map(() => headers["x-tollgate-key"]),
      );
    },
    30_000,
  );
});

describeWith(availability, "mcp-remote, directly", () => {
  test("lists and calls the tools of a legacy server for a client on stdio", async () => {
    await using server = await startFixtureServer("legacy");
    await using bridge = await connectThroughMcpRemote({ url: server.url, headers });
    const { tools } = await bridge.client.listTools();
    expect(tools.map(({ name: tool }) => tool)).toEqual(["echo", "ask_name", "grow"]);
    const result = await bridge.client.callTool({ name: "echo", arguments: { text: "hi" } });
    expect(result).toMatchObject({ content: [{ type: "text", text: "echo: hi" }] });

    const seen = await seenBy(server.url);
    // It looks for an authorization server first, without the headers that it was given, and tries a session of its own.
    const words = seen.filter(({ path }) => path === "/mcp").map(wordOf);
    expect(words.filter((word) => word === "initialize")).toHaveLength(2);
    expect(seen.filter(({ path }) => path.includes("/.well-known/")).map(({ status }) => status)).toEqual(
      Array.from({ length: 6 }, () => 404),
    );
  }, 30_000);

  test("says why it cannot use a modern server", async () => {
    await using server = await startFixtureServer("modern");
    await expect(connectThroughMcpRemote({ url: server.url, headers })).rejects.toThrow(
      /Unsupported protocol version: 2025-11-25/,
    );
  }, 30_000);
});
