// What the intent and the fact of a call say of it. An admin looks for what one piece of an agent's work did, and a bill for what a
// kind of client did; a field that is empty, or another call's, makes either of them wrong without anybody noticing.

import { Era } from "@tollgate/schema/resources";
import { ToolCallOutcome } from "@tollgate/schema/usage";
import { describe, expect, test } from "vitest";
import { startFixture } from "../../../../test/conformance/fixture.ts";
import {
  ask,
  at,
  key,
  post,
  server,
  startGate,
  startScripted,
  startSession,
  started,
  team,
  viewWith,
  type Received,
  type RunningGate,
} from "../fixtures/gate-fixture.ts";

const eras = { legacy: Era.LEGACY, modern: Era.MODERN };
const toolUse = { _meta: { "claudecode/toolUseId": "toolu_01" } };

const requests = [
  ["tools/call", { name: "s__test_simple_text", arguments: {} }, "test_simple_text"],
  ["prompts/get", { name: "s__test_simple_prompt" }, "test_simple_prompt"],
  ["resources/read", { uri: "test://static-text" }, "test://static-text"],
  [
    "completion/complete",
    {
      ref: { type: "ref/prompt", name: "s__test_prompt_with_arguments" },
      argument: { name: "arg1", value: "a" },
    },
    "test_prompt_with_arguments",
  ],
] as const;

function factsOf({ facts }: RunningGate) {
  return facts.flatMap(({ kind }) => (kind.case === "toolCallCompleted" ? [kind.value] : []));
}

async function startWith(url: string) {
  const agent = key(["*/*"]);
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", url)])));
  return { agent, gate };
}

function answer({ body, response }: Received): void {
  const { id } = JSON.parse(body);
  response.writeHead(200, { "content-type": "application/json" }).end(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
}

describe.each(["legacy", "modern"] as const)("a server of the %s era", (era) => {
  test("each kind of request is known by its method, the eras and what the client says", async () => {
    await using fixture = await startFixture({ era, transport: "http" });
    const { agent, gate } = await startWith(fixture.url);
    const session = { ...(await startSession(gate, agent)), "x-claude-code-session-id": "work-2" };
    const whose = { toolUseId: "toolu_01", clientName: "spec", clientVersion: "1" };
    for (const [method, params, tool] of requests) {
      gate.facts.length = gate.intents.length = 0;
      const headers = { "x-claude-code-session-id": "work-1" };
      const modern = await ask(gate, agent.text, method, { ...params, ...toolUse }, { headers });
      expect(modern.text).toContain('"result"');
      const body = { jsonrpc: "2.0", id: 1, method, params: { ...params, ...toolUse } };
      await post(`${gate.url}/mcp`, JSON.stringify(body), session);
      const intents = [
        { method, tool, clientEra: Era.MODERN, sessionId: "work-1", ...whose },
        { method, tool, clientEra: Era.LEGACY, sessionId: "work-2", ...whose },
      ];
      expect(gate.intents).toMatchObject(intents);
      const outcome = ToolCallOutcome.ANSWERED;
      expect(factsOf(gate)).toMatchObject(intents.map((intent) => ({ ...intent, outcome, serverEra: eras[era] })));
    }
  });

  test("a client that is asked in the middle has two facts, and the first says that it was asked", async () => {
    await using fixture = await startFixture({ era, transport: "http" });
    const { agent, gate } = await startWith(fixture.url);
    const params = { name: "s__test_input_required_result_elicitation", arguments: {} };
    const capabilities = { elicitation: { form: {} } };
    const legFrom = (id: string, more: object = {}) =>
      ask(
        gate,
        agent.text,
        "tools/call",
        { ...params, ...more, _meta: { "claudecode/toolUseId": id } },
        { capabilities },
      );
    const { json } = await legFrom("toolu_01");
    const asked = Object.keys(Object(at(json, "result", "inputRequests")));
    const given = { action: "accept", content: { name: "Alice" } };
    const inputResponses = Object.fromEntries(asked.map((name) => [name, given]));
    const state = at(json, "result", "requestState");
    const done = await legFrom("toolu_02", { inputResponses, ...(state === undefined ? {} : { requestState: state }) });
    expect(done.text).toContain("Hello, Alice!");
    expect(factsOf(gate)).toMatchObject([
      { toolUseId: "toolu_01", outcome: ToolCallOutcome.INPUT_REQUIRED, serverEra: eras[era] },
      { toolUseId: "toolu_02", outcome: ToolCallOutcome.ANSWERED, serverEra: eras[era] },
    ]);
  });
});

describe("where a client does not say all of it", () => {
  test("a session at the gate stands in for its own, by a name that nobody can use", async () => {
    const upstream = started(await startScripted(answer));
    const { agent, gate } = await startWith(upstream.url);
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "s__t" } });
    const [one, other] = [await startSession(gate, agent), await startSession(gate, agent)];
    for (const session of [one, one, other]) await post(`${gate.url}/mcp`, body, session);
    const [first, second, third] = factsOf(gate).map(({ sessionId = "" }) => sessionId);
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect([second === first, third === first]).toEqual([true, false]);
    expect(factsOf(gate).every(({ toolUseId }) => toolUseId === "")).toBe(true);
    expect(one["mcp-session-id"]).not.toContain(first);
  });

  /** Else nobody could say which turn of Codex a call belongs to, and each of its sessions had two names. */
  test("Codex's own words for a use of a tool and for its session are taken", async () => {
    const upstream = started(await startScripted(answer));
    const { agent, gate } = await startWith(upstream.url);
    const _meta = { callId: "call_01", threadId: "thread-1", sessionId: "work-3", "x-codex-turn-metadata": {} };
    const params = { name: "s__t", _meta };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
    await post(`${gate.url}/mcp`, body, await startSession(gate, agent));
    expect(factsOf(gate)).toMatchObject([{ toolUseId: "call_01", sessionId: "work-3" }]);
    expect(JSON.parse(upstream.received.at(-1)?.body ?? "")).toMatchObject({ params: { _meta } });
  });

  test("what is no text is nothing, and what is too long is cut", async () => {
    const upstream = started(await startScripted(answer));
    const { agent, gate } = await startWith(upstream.url);
    const infos = [{ name: 7, version: ["1"] }, "spec", { name: "n".repeat(9_000), version: "2" }];
    for (const clientInfo of infos) {
      const body = (toolUseId: unknown) => {
        const own = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "claudecode/toolUseId": toolUseId };
        const meta = {
          "io.modelcontextprotocol/clientInfo": clientInfo,
          "io.modelcontextprotocol/clientCapabilities": {},
        };
        return JSON.stringify({
          ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
          params: { name: "s__t", _meta: { ...own, ...meta } },
        });
      };
      const headers = {
        ...{ authorization: `Bearer ${agent.text}`, accept: "application/json, text/event-stream" },
        ...{ "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "s__t" },
      };
      const { text } = await post(`${gate.url}/mcp`, body({ id: 1 }), headers);
      expect(text).toContain('"result"');
    }
    expect(factsOf(gate)).toMatchObject([
      { clientName: "", clientVersion: "", toolUseId: "", sessionId: "" },
      { clientName: "", clientVersion: "", toolUseId: "", sessionId: "" },
      { clientName: "n".repeat(128), clientVersion: "2", toolUseId: "", sessionId: "" },
    ]);
  });

  test("a server that was never met has no era", async () => {
    const upstream = await startScripted(answer);
    await upstream.stop();
    const { agent, gate } = await startWith(upstream.url);
    await ask(gate, agent.text, "tools/call", { name: "s__t" });
    expect(factsOf(gate)).toMatchObject([
      { serverEra: Era.UNSPECIFIED, clientEra: Era.MODERN, outcome: ToolCallOutcome.UPSTREAM_FAILED },
    ]);
  });
});
