// Policies at the door to servers: who is refused is told so with an id, and his call reaches nobody; what is taken out of
// arguments and answers is gone on the wire, and every other byte is there. Otherwise a rule is believed in that does nothing.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { LimitMeasure, LimitWindow, PolicySchema, RedactDirection, RedactOf } from "@tollgate/schema/resources";
import { describe, expect, test } from "vitest";
import { openAsk, talk } from "../fixtures/client-fixture.ts";
import { mcpRequest } from "../../../../test/support/mcp-request.ts";
import { until } from "../../../../test/support/wait.ts";
import { at, key, newId, resource, server, startGate, started, team, viewWith } from "../fixtures/gate-fixture.ts";
import type { Desk } from "../lending/desk.ts";
import { deskOf, FakeLedger } from "../lending/ledger.fixture.ts";
import { beginEvents, event, result, startUpstream, type Incoming } from "../fixtures/upstream-fixture.ts";

type Rule = Omit<MessageInitShape<typeof PolicySchema>, "$typeName">;

const policy = (fields: Rule) => ({ ...resource("policy", PolicySchema, { name: "rule", ...fields, id: newId() }) });
type Kind = NonNullable<Rule["kind"]>;

const deny = (message: string): Kind => ({ case: "deny", value: { message } });
const redact = (direction: RedactDirection): Kind => ({
  case: "redact",
  value: { of: RedactOf.TOOLS, direction, patterns: ["sk-[a-z0-9]{4,}"], replacement: "[key]" },
});

type Setting = { era?: "legacy" | "modern"; onRequest?: (incoming: Incoming) => void; desk?: Desk };

async function gateUnder(policies: (serverId: string) => readonly Rule[], setting: Setting = {}) {
  const { desk, era = "modern", onRequest = (incoming: Incoming) => result(incoming, done("ok")) } = setting;
  const offer = { tools: ["read", "write"], prompts: ["greet"], resources: ["file:///a"] };
  const upstream = started(await startUpstream({ era, offer, onRequest }));
  const [one, agent] = [server("files", upstream.url), key(["*/*", "prompt:*/*", "resource:*/*"])];
  const rules = policies(one.id).map(policy);
  const gate = started(await startGate(viewWith([team(), agent.resource, one, ...rules]), {}, desk ? { desk } : {}));
  const ask = async (method: string, params: object) => (await openAsk(gate, agent, method, params)).response();
  await until(async () => JSON.stringify(await ask("tools/list", {})).includes("files__read"), { what: "its tools" });
  return { gate, agent, upstream, rules, ask };
}

const done = (text: string) => ({ resultType: "complete", content: [{ type: "text", text }] });
const codeOf = (answer: unknown) => at(answer, "error", "data", "code");

describe("a refusal", () => {
  test("has its message, and one id in the answer and in the fact; nobody was called", async () => {
    const { gate, upstream, rules, ask } = await gateUnder(() => [
      { match: "call.tool == 'write' && call.arguments.path.startsWith('/etc')", kind: deny("Not there.") },
    ]);
    const refused = await ask("tools/call", { name: "files__write", arguments: { path: "/etc/passwd" } });
    expect(refused).toMatchObject({
      error: { code: -32003, message: "A policy refuses this call. Not there.", data: { code: "policy.denied" } },
    });
    const decisionId = at(refused, "error", "data", "decisionId");
    expect(gate.facts.at(-1)?.kind).toMatchObject({
      case: "callRefused",
      value: { code: "policy.denied", server: "files", tool: "write", policyId: rules[0]?.id, decisionId },
    });
    expect(gate.intents).toEqual([]);
    expect(upstream.count("tools/call")).toBe(0);
    expect(await ask("tools/call", { name: "files__write", arguments: { path: "/tmp/a" } })).toHaveProperty("result");
    expect(await ask("tools/call", { name: "files__read" })).toHaveProperty("result");
  });

  test("reaches prompts and resources as it does tools", async () => {
    const { ask } = await gateUnder(() => [
      { match: "call.prompt == 'greet' || call.resource == 'file:///a'", kind: deny("") },
    ]);
    expect(codeOf(await ask("prompts/get", { name: "files__greet" }))).toBe("policy.denied");
    expect(codeOf(await ask("resources/read", { uri: "file:///a" }))).toBe("policy.denied");
    expect(await ask("tools/call", { name: "files__read" })).toHaveProperty("result");
  });

  test("of an expression that fails is the call's refusal, and is counted and written down as that", async () => {
    const { gate, upstream, ask } = await gateUnder(() => [{ match: "call.arguments.size > 5", kind: deny("") }]);
    const refused = await ask("tools/call", { name: "files__read", arguments: {} });
    expect(codeOf(refused)).toBe("policy.failed");
    expect(at(refused, "error", "message")).toContain("(rule) field not found: size");
    expect(gate.facts.at(-1)?.kind.value).toMatchObject({ code: "policy.failed" });
    expect(gate.gate.counters.snapshot().refusalsByCode["policy.failed"]).toBe(1);
    expect(upstream.count("tools/call")).toBe(0);
  });

  test("by a schema says what is wrong with the arguments", async () => {
    const schema = JSON.stringify({ properties: { n: { type: "integer", maximum: 5 } }, required: ["n"] });
    const { ask } = await gateUnder(() => [
      { match: "call.tool == 'write'", kind: { case: "validateArguments", value: { schema } } },
    ]);
    const refused = await ask("tools/call", { name: "files__write", arguments: { n: 6 } });
    expect(refused).toMatchObject({ error: { code: -32602, data: { code: "policy.arguments-invalid" } } });
    expect(at(refused, "error", "message")).toContain("`/n` is more than 5.");
    expect(await ask("tools/call", { name: "files__write", arguments: { n: 5 } })).toHaveProperty("result");
  });

  test("by a policy that this proxy does not know stays within what that covers", async () => {
    const rule = { requires: ["policy-of-tomorrow"], kind: deny("") };
    const covering = await gateUnder((id) => [{ ...rule, covers: [`server/${id}`] }]);
    expect(codeOf(await covering.ask("tools/call", { name: "files__read" }))).toBe("policy.scope-refused");
    const beside = await gateUnder(() => [{ ...rule, covers: ["server/another"] }]);
    expect(await beside.ask("tools/call", { name: "files__read" })).toHaveProperty("result");
  });
});

describe("a limit", () => {
  const limit: Kind = {
    case: "limit",
    value: { measure: LimitMeasure.REQUESTS, amount: 2n, window: LimitWindow.MINUTE },
  };
  const counting = { name: "few", match: "call.tool == 'write' || call.prompt == 'greet'", kind: limit };

  test("counts each call that it matches once; the next is told which, in words that a model can read", async () => {
    const ledger = new FakeLedger("window", 2n, 60_000);
    const { gate, upstream, rules, ask } = await gateUnder(() => [counting], { desk: deskOf(ledger, "p", 1n) });
    for (let times = 0; times < 3; times++) await ask("tools/call", { name: "files__read" });
    for (let times = 0; times < 2; times++)
      expect(at(await ask("tools/call", { name: "files__write" }), "result")).not.toHaveProperty("isError");
    const refused = await ask("tools/call", { name: "files__write" });
    const decisionId = at(refused, "result", "_meta", "tollgate/decisionId");
    expect(refused).toMatchObject({
      result: {
        isError: true,
        content: [{ text: expect.stringContaining("That of the policy `few` lets through 2 requests in its window.") }],
        _meta: {
          "tollgate/code": "limit.reached",
          "tollgate/policy": "few",
          "tollgate/limit": 2,
          "tollgate/remaining": 0,
        },
      },
    });
    expect(gate.facts.at(-1)?.kind).toMatchObject({
      case: "callRefused",
      value: { code: "limit.reached", server: "files", tool: "write", policyId: rules[0]?.id, decisionId },
    });
    expect(String(decisionId)).toMatch(new RegExp(`^.+\\.${rules[0]?.id}$`));
    expect(await ask("prompts/get", { name: "files__greet" })).toMatchObject({
      error: {
        data: { code: "limit.reached", policy: "few", decisionId: expect.stringContaining(rules[0]?.id ?? "-") },
      },
    });
    expect(upstream.count("tools/call")).toBe(5);
    expect([...ledger.leases.values()].map(({ settled, open }) => settled + open)).toEqual([2n]);
  });

  test("takes nothing of a call that another policy refuses, whichever comes first", async () => {
    const ledger = new FakeLedger("window", 2n, 60_000);
    const desk = deskOf(ledger, "p", 1n);
    const forbidding = (order: number, word: string): Rule => ({
      ...{ order, match: `has(call.arguments.${word})`, kind: deny("") },
    });
    const rules = () => [{ ...counting, order: 5 }, forbidding(1, "early"), forbidding(9, "late")];
    const { ask } = await gateUnder(rules, { desk });
    for (const word of ["early", "late", "early", "late"])
      expect(codeOf(await ask("tools/call", { name: "files__write", arguments: { [word]: 1 } }))).toBe("policy.denied");
    expect(ledger.leases.size).toBe(0);
    for (let times = 0; times < 2; times++)
      expect(at(await ask("tools/call", { name: "files__write" }), "result")).not.toHaveProperty("isError");
  });

  test("that cannot be asked about refuses, and says by which policy", async () => {
    const ledger = new FakeLedger("window", 2n, 60_000);
    ledger.isAway = true;
    const { gate, rules, ask } = await gateUnder(() => [counting], { desk: deskOf(ledger, "p", 1n) });
    const refused = await ask("tools/call", { name: "files__write" });
    expect(refused).toMatchObject({ error: { data: { code: "budget.ledger-silent" } } });
    expect(gate.facts.at(-1)?.kind.value).toMatchObject({ code: "budget.ledger-silent", policyId: rules[0]?.id });
    expect(await ask("tools/call", { name: "files__read" })).toHaveProperty("result");
  });
});

const bothWays = () => [{ kind: redact(RedactDirection.BOTH) }];

describe("what is taken out", () => {
  test.each(["modern", "legacy"] as const)("of arguments is gone before a %s server has them", async (era) => {
    const { gate, agent, upstream } = await gateUnder(() => [{ kind: redact(RedactDirection.REQUEST) }], { era });
    const args =
      '{ "n" : 12345678901234567890, "a":["sk-abcd", {"b": "x \\u0073k-abcd\\n"}],"sk-abcd":1 , "c":"sk-abc"}';
    const { body, headers } = mcpRequest("tools/call", { name: "files__read", arguments: {} }, 1, {});
    const asked = await talk(`${gate.url}/mcp`, {
      method: "POST",
      headers: { ...headers, authorization: `Bearer ${agent.text}` },
      body: body.replace('"arguments":{}', `"arguments":${args}`),
      signal: undefined,
    });
    await asked.response();
    const expected = args.replace('["sk-abcd"', '["[key]"').replace('"x \\u0073k-abcd\\n"', '"x [key]\\n"');
    expect(upstream.received.at(-1)?.body).toContain(`"arguments":${expected}`);
  });

  test("of an answer is gone from content, structured content and errors, and its other bytes are as they came", async () => {
    const body = (id: unknown) =>
      `{ "jsonrpc":"2.0", "id":${String(id)}, "result": {"resultType":"complete", "content":[{"type":"text","text":"a sk-abcd \\u00e9"},` +
      `{"type":"image","data":"sk-abcd", "mimeType":"image/png"}],  "structuredContent":{"data":"sk-abcd","n":1.50} } }`;
    const { ask, gate, agent } = await gateUnder(bothWays, {
      onRequest({ id, response }) {
        response.writeHead(200, { "content-type": "application/json" }).end(body(id));
      },
    });
    const answer = await ask("tools/call", { name: "files__read" });
    expect(at(answer, "result")).toEqual({
      resultType: "complete",
      content: [
        { type: "text", text: "a [key] é" },
        { type: "image", data: "sk-abcd", mimeType: "image/png" },
      ],
      structuredContent: { data: "[key]", n: 1.5 },
    });
    const { body: sent, headers } = mcpRequest("tools/call", { name: "files__read" }, 1, {});
    const authorization = `Bearer ${agent.text}`;
    const raw = await fetch(`${gate.url}/mcp`, { method: "POST", headers: { ...headers, authorization }, body: sent });
    const expected = body(1)
      .replace('"a sk-abcd \\u00e9"', '"a [key] é"')
      .replace('{"data":"sk-abcd","n"', '{"data":"[key]","n"');
    expect(await raw.text()).toBe(expected);
  });

  test("of a stream is gone from what comes on the way, too", async () => {
    const { gate, agent } = await gateUnder(bothWays, {
      era: "legacy",
      onRequest({ id, response, params }) {
        const token = at(params, "_meta", "progressToken");
        beginEvents(response);
        event(response, {
          method: "notifications/progress",
          params: { progressToken: token, progress: 1, message: "sk-abcd" },
        });
        event(response, { id, result: { content: [{ type: "text", text: "sk-efgh" }] } });
        response.end();
      },
    });
    const asked = await openAsk(gate, agent, "tools/call", { name: "files__read", _meta: { progressToken: "p" } });
    expect(at(await asked.next("notifications/progress"), "params", "message")).toBe("[key]");
    expect(at(await asked.response(), "result", "content", 0, "text")).toBe("[key]");
  });
});
