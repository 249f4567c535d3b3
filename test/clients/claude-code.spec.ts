// The driver of Claude Code against servers directly, with no gate between: what fails here is the driver's or the client's,
// and what later fails only through the gate is the gate's. It also pins which requests the client sends, because the gate
// is built for these.
import { expect, test } from "vitest";
import { describeWith } from "../support/real-part.ts";
import { runClaudeCode } from "./claude-code.ts";
import { startFixtureServer, type Era } from "./fixture-server.ts";
import { clientsAvailability } from "./install.ts";
import { seenBy, wordOf } from "./recorded.ts";
import { call, inOrder, whenOffered } from "./script.ts";

const name = (tool: string): string => `mcp__tollgate__${tool}`;
const headers = { "x-tollgate-key": "tg_key_of_nobody" };
const runMsMax = 60_000;

/** A question, a growing list and plain calls in one turn: three starts of the program would take three times as long. */
const script = inOrder(
  [call(name("echo"), { text: "hi" }), call(name("ask_name")), call(name("grow"))],
  whenOffered(call(name("grown")), call(name("echo"), { text: "not yet" }), 20),
);

/** What it sends until the first call: one after the other, then at the same time. */
const opening: Readonly<Record<Era, { inOrder: readonly string[]; together: readonly string[] }>> = {
  legacy: {
    inOrder: ["server/discover", "initialize", "notifications/initialized"],
    together: ["GET", "tools/list"],
  },
  modern: { inOrder: ["server/discover"], together: ["subscriptions/listen", "tools/list"] },
};

describeWith(await clientsAvailability(), "Claude Code, directly", () => {
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
