// Questions of servers to clients, between the eras. A modern client behind which a legacy server asks in the middle of a call is
// the everyday case: the call has to wait for him, run once, be nobody else's, and end when nobody comes. What a legacy
// client is asked has to reach the server as what that understands. Whatever gets lost here is a user's answer.

import { describe, expect, test, vi } from "vitest";
import { askingServer, elicit, form } from "../fixtures/asking-server.ts";
import { legacyClient, openAsk } from "../fixtures/client-fixture.ts";
import * as fixture from "../fixtures/gate-fixture.ts";
import { beginEvents, event, result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 30_000 });

const { ask, at, key, server, startGate, started, team, until, viewWith } = fixture;

const agent = key(["*/*"]);
const other = key(["*/*"]);
const all = { elicitation: {}, sampling: {}, roots: {} };
const accepted = (text: string) => ({ action: "accept", content: { text } });

async function gateOver(upstream: { url: string }, settings: Record<string, string> = {}, timeoutSeconds = 3) {
  const view = viewWith([team(), agent.resource, other.resource, server("s", upstream.url, { timeoutSeconds })]);
  return started(await startGate(view, settings));
}

type Retry = { inputResponses?: object; requestState?: unknown };
type Calling = { who?: { text: string }; params?: object; capabilities?: object; id?: number };
const call = (
  gate: { url: string },
  retry: Retry = {},
  { who = agent, params = {}, capabilities = all, id = 1 }: Calling = {},
) =>
  ask(gate, who.text, "tools/call", { name: "s__t", arguments: { a: 1 }, ...params, ...retry }, { capabilities, id });

const stateOf = ({ json }: fixture.Answer) => at(json, "result", "requestState");
const keysOf = ({ json }: fixture.Answer) => Object.keys(Object(at(json, "result", "inputRequests")));
const codeOf = ({ json }: fixture.Answer) =>
  at(json, "error", "data", "code") ?? at(json, "result", "_meta", "tollgate/code");
const leaving = () => {
  const controller = new AbortController();
  return { signal: controller.signal, leave: () => controller.abort() };
};

describe("a modern client at a legacy server", () => {
  test("who comes again before it is known what the server speaks begins no second call", async () => {
    const upstream = await askingServer([[elicit("who")]]);
    const gate = await gateOver(upstream);
    const { catalogues } = gate.gate.mcp;
    const retry = { requestState: stateOf(await call(gate)), inputResponses: { who: accepted("me") } };
    const known = catalogues.of(gate.intents[0]?.serverId ?? "");
    if (known === undefined) throw new Error("the server was not met");
    const afterwards = (bring: object) => {
      catalogues.keepOnly(new Set());
      const answer = call(gate, bring, { id: 2 });
      const { length } = gate.intents;
      void until(() => gate.intents.length > length, "the leg to be written down").finally(() =>
        catalogues.take(known),
      );
      return answer;
    };
    expect(codeOf(await afterwards({ ...retry, requestState: "another's" }))).toBe("mcp.state-invalid");
    expect(at((await afterwards(retry)).json, "result")).toMatchObject({ resultType: "complete", run: 1 });
    expect(upstream.runs.length).toBe(1);
  });

  test("is asked round after round, and the call runs once, however often an answer is brought", async () => {
    const upstream = await askingServer([[elicit("who"), { id: 7, method: "roots/list" }], [elicit("why")]]);
    const gate = await gateOver(upstream);
    const first = await call(gate);
    expect(at(first.json, "result", "resultType")).toBe("input_required");
    expect(keysOf(first)).toEqual(["who", "roots-1"]);
    expect(at(first.json, "result", "inputRequests", "who")).toEqual({ method: "elicitation/create", params: form });
    const retry = { requestState: stateOf(first), inputResponses: { who: accepted("me"), "roots-1": { roots: [] } } };
    const second = await call(gate, retry, { id: 2 });
    expect([at(second.json, "id"), keysOf(second)]).toEqual([2, ["why"]]);
    expect(at(upstream.answers.get("who"), "result")).toEqual(accepted("me"));
    expect(at(upstream.answers.get(7), "result")).toEqual({ roots: [] });
    // The second question got lost on its way: who brings the first answers again is asked it again, at once.
    const again = await call(gate, retry, { id: 3 });
    expect([at(again.json, "id"), keysOf(again)]).toEqual([3, ["why"]]);
    const last = { requestState: stateOf(again), inputResponses: { why: accepted("so") } };
    const done = await call(gate, last, { id: 4 });
    expect(at(done.json, "result")).toMatchObject({ resultType: "complete", run: 1 });
    for (const retried of [last, last, retry])
      expect(at((await call(gate, retried, { id: 5 })).json, "result")).toEqual(at(done.json, "result"));
    expect(upstream.runs).toHaveLength(1);
    expect(upstream.answers.size).toBe(3);
  });

  test("two retries at the same time both get the one answer", async () => {
    const upstream = await askingServer([[elicit("who")]]);
    const gate = await gateOver(upstream);
    const retry = { requestState: stateOf(await call(gate)), inputResponses: { who: accepted("me") } };
    const answers = await Promise.all([2, 3, 4].map((id) => call(gate, retry, { id })));
    expect(answers.map(({ json }) => at(json, "id"))).toEqual([2, 3, 4]);
    for (const { json } of answers) expect(at(json, "result", "run")).toBe(1);
    expect(upstream.runs).toHaveLength(1);
  });

  test("what is not answered is asked for again, and what nobody asked for is passed over", async () => {
    const upstream = await askingServer([[elicit("who"), elicit("why")]]);
    const gate = await gateOver(upstream);
    const first = await call(gate);
    const half = await call(gate, { requestState: stateOf(first), inputResponses: { why: accepted("so"), x: {} } });
    expect(keysOf(half)).toEqual(["who"]);
    const wrong = await call(gate, { requestState: stateOf(half), inputResponses: { who: "me" } });
    expect(codeOf(wrong)).toBe("mcp.params-invalid");
    const done = await call(gate, { requestState: stateOf(half), inputResponses: { who: accepted("me") } });
    expect(at(done.json, "result", "run")).toBe(1);
  });

  test("nobody else continues the call, and nothing else is continued with its state", async () => {
    const upstream = await askingServer([[elicit("who")]]);
    const gate = await gateOver(upstream);
    const state = stateOf(await call(gate));
    const retry = { requestState: state, inputResponses: { who: accepted("me") } };
    const strange: fixture.Answer[] = [
      await call(gate, retry, { who: other }),
      await call(gate, retry, { params: { arguments: { a: 2 } } }),
      await call(gate, retry, { params: { name: "s__u" } }),
      await call(gate, { ...retry, requestState: `${String(state)}A` }),
      await call(gate, { ...retry, requestState: "" }),
      await call(gate, { ...retry, requestState: 7 }),
    ];
    for (const refused of strange) expect([refused.status, codeOf(refused)]).toEqual([200, "mcp.state-invalid"]);
    expect(upstream.answers.size).toBe(0);
    // The same arguments in another order, and with other spaces, are the same.
    expect(at((await call(gate, retry)).json, "result", "run")).toBe(1);
    expect(upstream.runs).toHaveLength(1);
  });

  test("who does not come again loses the call, and the server is told", async () => {
    const upstream = await askingServer([[elicit("who")]]);
    const gate = await gateOver(upstream, { TOLLGATE_PARKED_MS_MAX: "300" });
    const state = stateOf(await call(gate));
    await until(() => upstream.count("notifications/cancelled") === 1, "the server to be told");
    expect(gate.gate.mcp.counts().parked).toBe(0);
    const late = await call(gate, { requestState: state, inputResponses: { who: accepted("me") } });
    expect(codeOf(late)).toMatch(/^mcp\.(call-lost|state-invalid)$/);
    expect(upstream.runs).toHaveLength(1);
  });

  test("as many calls wait as may, and what one more is told is clear", async () => {
    const upstream = await askingServer([[elicit("who")]]);
    const gate = await gateOver(upstream, { TOLLGATE_PARKED_CALLS_MAX: "2" });
    await call(gate);
    await call(gate);
    const refused = await call(gate);
    expect(at(refused.json, "result", "isError")).toBe(true);
    expect(codeOf(refused)).toBe("mcp.calls-full");
    await until(() => upstream.count("notifications/cancelled") === 1, "the server to be told");
  });

  test("what the client cannot do ends the call with what it would need, in the first round and later", async () => {
    const upstream = await askingServer([[elicit("who")], [{ id: "model", method: "sampling/createMessage" }]]);
    const gate = await gateOver(upstream);
    const capabilities = { elicitation: {} };
    const incapable = await call(gate, {}, { capabilities: {} });
    expect([incapable.status, at(incapable.json, "error", "code")]).toEqual([400, -32021]);
    expect(at(incapable.json, "error", "data", "requiredCapabilities")).toEqual({ elicitation: {} });
    const first = await call(gate, {}, { capabilities });
    const retry = { requestState: stateOf(first), inputResponses: { who: accepted("me") } };
    const later = await call(gate, retry, { capabilities });
    expect([later.status, at(later.json, "error", "code")]).toEqual([400, -32021]);
    expect(at(later.json, "error", "data", "requiredCapabilities")).toEqual({ sampling: {} });
    await until(() => upstream.count("notifications/cancelled") === 2, "the server to be told of both");
    await until(() => gate.gate.mcp.counts().parked === 0, "nothing to wait for it");
    expect(codeOf(await call(gate, retry, { capabilities }))).toBe("mcp.call-lost");
  });

  test("a client that goes while the call runs takes it along, in the first leg and after an answer", async () => {
    for (const rounds of [[[]], [[elicit("who")], []]]) {
      const upstream = await askingServer(rounds);
      const gate = await gateOver(upstream, {}, 30);
      const first = rounds.length === 1 ? undefined : await call(gate);
      const retry = first && { requestState: stateOf(first), inputResponses: { who: accepted("me") } };
      const { signal, leave } = leaving();
      const params = { name: "s__t", arguments: { a: 1 }, ...retry };
      openAsk(gate, agent, "tools/call", params, { capabilities: all, signal }).catch(() => undefined);
      await until(() => (first === undefined ? upstream.runs.length === 1 : upstream.answers.has("who")), "it to run");
      leave();
      await until(() => upstream.count("notifications/cancelled") === 1, "the server to be told");
      expect(gate.gate.mcp.counts().parked).toBe(0);
    }
  });

  test("a server that asks on its session's own stream, in the middle of the only call, is answered", async () => {
    const upstream = await askingServer([[elicit("who")]], "session");
    const gate = await gateOver(upstream);
    // The gate's own session has a stream, too, and nobody to ask.
    const first = await call(gate);
    expect(keysOf(first)).toEqual(["who"]);
    const retry = { requestState: stateOf(first), inputResponses: { who: accepted("me") } };
    expect(at((await call(gate, retry)).json, "result", "run")).toBe(1);
  });

  test("a flood of questions ends the call, and not the gate", async () => {
    const flood = Array.from({ length: 5_000 }, (_, id) => elicit(id + 1));
    const upstream = await askingServer([flood]);
    const gate = await gateOver(upstream);
    const refused = await call(gate);
    expect(at(refused.json, "result", "isError")).toBe(true);
    expect(codeOf(refused)).toBe("upstream.protocol");
    expect(gate.gate.mcp.counts().parked).toBe(0);
  });
});

describe("a legacy client at a modern server", () => {
  type Script = (incoming: Incoming, round: number) => void;
  const inputRequired = (incoming: Incoming, inputRequests: object, requestState?: string) =>
    result(incoming, {
      resultType: "input_required",
      inputRequests,
      ...(requestState === undefined ? {} : { requestState }),
    });
  const question = { method: "elicitation/create", params: form };

  async function modernServer(script: Script, timeoutSeconds?: number, settings: Record<string, string> = {}) {
    let round = 0;
    const upstream = started(
      await startUpstream({
        era: "modern",
        offer: { tools: ["t"] },
        capabilities: { logging: {} },
        onRequest: (incoming) => script(incoming, round++),
      }),
    );
    const gate = await gateOver(upstream, settings, timeoutSeconds);
    return { upstream, gate, client: await legacyClient(gate, agent, { capabilities: all }) };
  }

  test("is asked on the stream of its request, and the server gets the answers with its state", async () => {
    const { upstream, client } = await modernServer((incoming, round) => {
      const token = at(incoming.params, "_meta", "progressToken");
      const progress = (value: number) =>
        event(incoming.response, {
          method: "notifications/progress",
          params: { progressToken: token, progress: value },
        });
      if (round === 0) return inputRequired(incoming, { who: question, where: { method: "roots/list" } }, "one");
      beginEvents(incoming.response);
      for (const value of [round, 0.5, round + 0.5]) progress(value);
      event(incoming.response, {
        id: incoming.id,
        result:
          round === 1
            ? { resultType: "input_required", inputRequests: { why: question } }
            : {
                resultType: "complete",
                content: [{ type: "resource_link", uri: "file:///x", name: "x" }],
                structuredContent: [1],
              },
      });
      incoming.response.end();
    });
    const called = await client.open("tools/call", {
      name: "s__t",
      arguments: { a: 1 },
      _meta: { progressToken: "p" },
    });
    const answerNext = async (method: string, answer: object) => {
      const asked = await called.next(method);
      expect((await client.say({ id: at(asked, "id"), ...answer })).status).toBe(202);
    };
    await answerNext("roots/list", { result: { roots: [] } });
    await answerNext("elicitation/create", { result: accepted("me") });
    await answerNext("elicitation/create", { result: accepted("so") });
    const done = await called.response();
    expect(at(done, "result")).toEqual({ content: [{ type: "resource_link", uri: "file:///x", name: "x" }] });
    const rounds = upstream.received.filter(({ method }) => method === "tools/call").map(({ params }) => params);
    expect(rounds.map(({ requestState }) => requestState)).toEqual([undefined, "one", undefined]);
    expect(rounds[1]?.["inputResponses"]).toEqual({ who: accepted("me"), where: { roots: [] } });
    expect(rounds[2]?.["inputResponses"]).toEqual({ why: accepted("so") });
    for (const round of rounds) expect(round["arguments"]).toEqual({ a: 1 });
    const progress = called.messages.filter((message) => at(message, "method") === "notifications/progress");
    expect(progress.map((message) => at(message, "params"))).toEqual(
      [1, 1.5, 2, 2.5].map((value) => ({ progressToken: "p", progress: value })),
    );
  });

  test("an answer that is an error, and one that never comes, end the call with an error", async () => {
    const asks: Script = (incoming) => inputRequired(incoming, { who: question }, "one");
    const { client, upstream } = await modernServer(asks, 30, { TOLLGATE_PARKED_MS_MAX: "300" });
    const called = await client.open("tools/call", { name: "s__t" });
    const asked = await called.next("elicitation/create");
    await client.say({ id: at(asked, "id"), error: { code: -1, message: "No." } });
    expect(at(await called.response(), "result")).toMatchObject({
      isError: true,
      _meta: { "tollgate/code": "mcp.input-refused" },
    });
    const second = await client.open("tools/call", { name: "s__t" }, 2);
    await second.next("elicitation/create");
    expect(at(await second.response(2), "result")).toMatchObject({
      isError: true,
      _meta: { "tollgate/code": "mcp.input-late" },
    });
    expect(upstream.count("tools/call")).toBe(2);
  });

  test("a server that never has enough is given up after eight rounds", async () => {
    const { client, upstream } = await modernServer((incoming, round) => inputRequired(incoming, {}, String(round)));
    const answer = await client.ask("tools/call", { name: "s__t" });
    expect(codeOf(answer)).toBe("upstream.protocol");
    expect(upstream.count("tools/call")).toBe(9);
  });

  test("what the client cannot do is not asked", async () => {
    const { gate } = await modernServer((incoming) => inputRequired(incoming, { who: question }));
    const client = await legacyClient(gate, agent, { capabilities: { roots: {} } });
    const answer = await client.ask("tools/call", { name: "s__t" });
    expect([answer.headers["content-type"], codeOf(answer)]).toEqual(["application/json", "upstream.protocol"]);
  });

  test("hears a server's log from its level on, whatever it asked for first", async () => {
    const { client, upstream } = await modernServer((incoming) => {
      beginEvents(incoming.response);
      for (const level of ["debug", "warning", "error"])
        event(incoming.response, { method: "notifications/message", params: { level, logger: "l", data: level } });
      event(incoming.response, { id: incoming.id, result: { resultType: "complete", content: [] } });
      incoming.response.end();
    });
    const heard = async () => {
      const called = await client.open("tools/call", { name: "s__t" });
      await called.response();
      return called.messages.flatMap((message) => at(message, "params", "data") ?? []);
    };
    expect(await heard()).toEqual(["debug", "warning", "error"]);
    expect((await client.ask("logging/setLevel", { level: "warning" })).json).toMatchObject({ result: {} });
    expect(await heard()).toEqual(["warning", "error"]);
    const meta = (index: number) =>
      at(upstream.received.filter(({ method }) => method === "tools/call")[index]?.params, "_meta");
    expect(at(meta(1), "io.modelcontextprotocol/logLevel")).toBe("warning");
    expect(codeOf(await client.ask("logging/setLevel", { level: "loud" }))).toBe("mcp.params-invalid");
  });

  test("leaving, or giving up, ends the call at the server", async () => {
    const { client, upstream } = await modernServer(({ response }) => void beginEvents(response), 30);
    const open = () =>
      upstream.received.filter(({ method, response }) => method === "tools/call" && !response.destroyed);
    const first = client.ask("tools/call", { name: "s__t" }, 7).catch(() => "cut");
    await until(() => open().length === 1, "the call");
    await client.say({ method: "notifications/cancelled", params: { requestId: 7 } });
    await until(() => open().length === 0, "the call to end");
    await first;
    const second = client.ask("tools/call", { name: "s__t" }, 8).catch(() => "cut");
    await until(() => open().length === 1, "the next call");
    expect(await client.leave()).toBe(200);
    await until(() => open().length === 0, "the next call to end with its session");
    await second;
  });
});
