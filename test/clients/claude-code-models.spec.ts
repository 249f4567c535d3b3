// Claude Code at the gate's door to models, with its tools from the same gate. Whoever points it here notices nothing: its
// requests reach the provider and the answers reach it to the byte, it goes on where the provider makes it go on, and stops where
// nobody may go on. Whoever pays finds each turn in the facts, and each tool call at the turn that asked for it.
import { UsageBasis } from "@tollgate/schema/usage";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { describeWith } from "../support/real-part.ts";
import { billed, counted } from "./bill.ts";
import { runClaudeCode, type ClaudeCodeReport } from "./claude-code.ts";
import { startFixtureServer } from "./fixture-server.ts";
import { clientsAvailability } from "./install.ts";
import { openModelGate, providerKeys, type ModelGate, type ModelGateSetting } from "./model-gate.ts";
import { call, inOrder, type Script } from "./script.ts";
import { headerIn, type Tapped } from "./tap.ts";

const runMsMax = 60_000;
const name = (tool: string): string => `mcp__tollgate__${tool}`;
const echo = (text: string) => call(name("echo"), { text });
const tooLong = "prompt is too long: 215000 tokens > 200000 maximum";

let fixture: { url: string } & AsyncDisposable;

const open = (script: Script, setting: Omit<ModelGateSetting, "script" | "servers"> = {}): Promise<ModelGate> =>
  openModelGate({ ...setting, script, servers: { fixture: fixture.url } });

interface Errand {
  readonly path?: string;
  readonly keyAs?: "ANTHROPIC_AUTH_TOKEN" | "ANTHROPIC_API_KEY";
  readonly prompt?: string;
  readonly tools?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function run(gate: ModelGate, { path = "/anthropic", ...errand }: Errand = {}): Promise<ClaudeCodeReport> {
  return runClaudeCode({ model: gate.at(path), ...gate.mcp, ...errand });
}

const turnsIn = ({ tap }: ModelGate): Tapped[] => tap.seen.filter(({ target }) => target.includes("/v1/messages?"));

describeWith(await clientsAvailability(), "Claude Code, with models and tools through the gate", () => {
  beforeAll(async () => {
    fixture = await startFixtureServer("modern");
  });
  afterAll(() => fixture[Symbol.asyncDispose]());

  test(
    "works with a tool, and the call is found at the turn that asked for it",
    async () => {
      await using gate = await open(inOrder([echo("hi")]));
      const report = await run(gate);
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done", outside: [] });
      expect(report.outcomes).toMatchObject([{ tool: name("echo"), text: "echo: hi", isError: false }]);
      const [callId = ""] = report.outcomes.map((outcome) => outcome.callId);
      const turn = {
        ...{ door: "anthropic", operation: "messages", provider: "claude", credential: "first", status: 200 },
        ...{ streamed: true, attempts: 1, basis: UsageBasis.EXACT, sessionId: report.sessionId, agentId: "" },
        ...{ clientName: "claude-cli", clientVersion: "2.1.329" },
      };
      expect(gate.modelFacts()).toMatchObject([
        { ...turn, toolUseIds: [callId], stopReason: "tool_use" },
        { ...turn, toolUseIds: [], stopReason: "end_turn" },
      ]);
      expect(gate.toolFacts()).toMatchObject([{ toolUseId: callId, tool: "echo", keyId: gate.keyId }]);
      expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
      expect(gate.changes("/anthropic")).toEqual([]);
    },
    runMsMax,
  );

  test(
    "shows thinking and text as they are streamed, whatever the pieces on the wire",
    async () => {
      await using gate = await open(inOrder([]));
      const [thinking, text] = ["Ada, or 阿达? 🤔", 'It is « Ada ».\n\n```json\n{"model":"other"}\n```\n'.repeat(20)];
      gate.mock.queueReplies({
        content: [
          { type: "thinking", text: thinking, signature: "c2lnbmVk" },
          { type: "text", text },
        ],
        ...{ charsPerEvent: 5, eventsPerPing: 3, trouble: { chunkBytes: 41 } },
      });
      const report = await run(gate, { args: ["--include-partial-messages"] });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: text });
      expect(deltasIn(report, "thinking").join("")).toBe(thinking);
      expect(deltasIn(report, "text").join("")).toBe(text);
      expect(deltasIn(report, "text").length).toBeGreaterThan(text.length / 6);
      expect(gate.changes("/anthropic")).toEqual([]);
    },
    runMsMax,
  );

  test(
    "uses an alias: of its requests the value of `model` is changed, and nothing else",
    async () => {
      await using gate = await open(inOrder([echo("hi")]), { aliases: { "claude-team": "claude/claude-sonnet-4-5" } });
      const report = await run(gate, { args: ["--model", "claude-team"] });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      const turn = { modelAsked: "claude-team", model: "claude-sonnet-4-5", modelServed: "claude-sonnet-4-5" };
      expect(gate.modelFacts()).toMatchObject([turn, turn]);
      expect(gate.changes("/anthropic", { "claude-team": "claude-sonnet-4-5" })).toEqual([]);
      // And who looks would see a change.
      expect(gate.changes("/anthropic")).toEqual([
        expect.stringContaining("body: at 17: "),
        expect.stringContaining("body: at 17: "),
      ]);
    },
    runMsMax,
  );

  test.each([
    { path: "/anthropic", keyAs: "ANTHROPIC_API_KEY" },
    { path: "", keyAs: "ANTHROPIC_AUTH_TOKEN" },
  ] as const)(
    "takes its key from $keyAs, at a base URL with the path '$path'",
    async ({ path, keyAs }) => {
      await using gate = await open(inOrder([]));
      const report = await run(gate, { path, keyAs });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done", outside: [] });
      expect(gate.modelFacts()).toMatchObject([{ door: "anthropic", keyId: gate.keyId }]);
      expect(gate.changes(path)).toEqual([]);
    },
    runMsMax,
  );

  /** The two in the middle are agents with agents of their own; each but the last calls a tool. */
  test(
    "sends agents out, and each of their turns and tool calls is known as that agent's",
    async () => {
      const errand = {
        description: "look",
        prompt: "Look.",
        subagent_type: "general-purpose",
        run_in_background: false,
      };
      await using gate = await open((situation) => {
        const mayDelegate = situation.tools.some((tool) => tool.name === "Agent");
        return mayDelegate ? inOrder([call("Agent", errand), echo("hi")])(situation) : { say: "nothing there" };
      });
      const report = await run(gate, { tools: ["Agent"] });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      const facts = gate.modelFacts();
      const agents = new Map(facts.map(({ agentId, parentAgentId }) => [agentId, parentAgentId]));
      const [first = "", second = "", third = ""] = [...agents.keys()].filter((agent) => agent !== "");
      expect([...agents]).toEqual([
        ["", ""],
        [first, ""],
        [second, first],
        [third, second],
      ]);
      expect(new Set(facts.map(({ sessionId }) => sessionId))).toEqual(new Set([report.sessionId]));
      const agentOf = (toolUseId = "") => facts.find(({ toolUseIds }) => toolUseIds?.includes(toolUseId))?.agentId;
      expect(gate.toolFacts().map(({ toolUseId }) => agentOf(toolUseId))).toEqual([second, first, ""]);
      expect(counted(facts)).toEqual(billed(gate.mock));
      expect(gate.changes("/anthropic")).toEqual([]);
    },
    runMsMax,
  );

  test(
    "counts the tokens of its context, which costs nothing",
    async () => {
      await using gate = await open(inOrder([]));
      const report = await run(gate, { prompt: "/context" });
      expect(report, report.stderr).toMatchObject({ exitCode: 0 });
      expect(report.result).toMatch(/MCP Tools[^]*mcp__tollgate__echo/);
      const facts = gate.modelFacts();
      expect(new Set(facts.map(({ operation, status }) => `${operation} ${status}`))).toEqual(
        new Set(["messages/count_tokens 200"]),
      );
      expect(facts.filter(({ costNanoUsd = 0n }) => costNanoUsd > 0n)).toEqual([]);
      expect(gate.changes("/anthropic")).toEqual([]);
    },
    runMsMax,
  );

  test(
    "discovers the models that its key reaches, and works with one of them",
    async () => {
      const models = ["claude/claude-own-*", "claude-team"];
      await using gate = await open(inOrder([]), {
        ...{ models, served: { claude: ["claude-own-one", "claude-own-two", "claude-hidden"] } },
        aliases: { "claude-team": "claude/claude-hidden", "claude-other": "claude/claude-hidden" },
      });
      const env = { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "" };
      const report = await run(gate, { env, args: ["--model", "claude-own-two"] });
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      expect(report.discovered.toSorted()).toEqual(["claude-own-one", "claude-own-two", "claude-team"]);
      expect(new Set(gate.modelFacts().map(({ model }) => model))).toEqual(new Set(["claude-own-two"]));
    },
    runMsMax,
  );

  test(
    "says that there is no such model, for one that its key does not reach",
    async () => {
      await using gate = await open(inOrder([]), { models: ["claude/claude-own-*"] });
      const report = await run(gate, { args: ["--model", "claude-hidden"] });
      expect(report).toMatchObject({ exitCode: 1, result: expect.stringContaining("There is no such model.") });
      expect(gate.mock.exchanges).toEqual([]);
      expect(new Set(gate.refusals())).toEqual(new Set(["model.unknown"]));
    },
    runMsMax,
  );

  test(
    "stops at once when its key is revoked in the middle of its work",
    async () => {
      let revoke = (): void => undefined;
      await using gate = await open((situation) => {
        revoke();
        return inOrder([echo("hi")])(situation);
      });
      ({ revoke } = gate);
      const report = await run(gate);
      expect(report).toMatchObject({ exitCode: 1, result: expect.stringContaining("The key is not known") });
      expect(turnsIn(gate).map(({ status }) => status)).toEqual([200, 401]);
      expect(headerIn(turnsIn(gate)[1]?.answerRawHeaders ?? [], "x-should-retry")).toBe("false");
      expect(gate.toolFacts()).toEqual([]);
    },
    runMsMax,
  );

  /** It looks for the provider's own words: in others it would give up instead. */
  test(
    "shortens its conversation when the provider says that the prompt is too long, and goes on",
    async () => {
      await using gate = await open((situation) => {
        const { outcomes, asked } = situation;
        if (asked.includes("Respond with TEXT ONLY")) return { say: "<summary>It echoed three times.</summary>" };
        if (outcomes.length > 0 && outcomes[0]?.text !== "echo: 1") return { say: "went on" };
        if (outcomes.length < 3) return echo(String(outcomes.length + 1));
        return { trouble: { status: 400, errorType: "invalid_request_error", errorMessage: tooLong } };
      });
      const report = await run(gate);
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "went on" });
      expect(turnsIn(gate).map(({ status }) => status)).toEqual([200, 200, 200, 400, 200, 200]);
      expect(turnsIn(gate)[3]?.answer.toString()).toContain(tooLong);
      expect(gate.modelFacts()[3]).toMatchObject({ status: 400, basis: UsageBasis.NONE, costNanoUsd: 0n });
      expect(gate.changes("/anthropic")).toEqual([]);
    },
    runMsMax,
  );

  test(
    "asks again when the provider is overloaded, and each time is in the facts",
    async () => {
      await using gate = await open(inOrder([]));
      gate.mock.failCredential(providerKeys.claude, { status: 529, errorType: "overloaded_error" }, 2);
      const report = await run(gate);
      expect(report, report.stderr).toMatchObject({ exitCode: 0, result: "done" });
      const overloaded = { status: 529, basis: UsageBasis.NONE, attempts: 1, costNanoUsd: 0n };
      expect(gate.modelFacts()).toMatchObject([overloaded, overloaded, { status: 200, basis: UsageBasis.EXACT }]);
      expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
      expect(gate.changes("/anthropic")).toEqual([]);
    },
    runMsMax,
  );
});

const delta = z.object({
  type: z.literal("stream_event"),
  event: z.object({
    type: z.literal("content_block_delta"),
    delta: z.object({ text: z.string().optional(), thinking: z.string().optional() }),
  }),
});

function deltasIn({ events }: ClaudeCodeReport, what: "text" | "thinking"): string[] {
  return events.flatMap((event) => delta.safeParse(event).data?.event.delta[what] ?? []);
}
