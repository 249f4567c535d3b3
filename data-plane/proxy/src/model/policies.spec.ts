// Policies at the doors to models: who is refused is told so in the door's own words, and no provider hears of it; what is
// taken out of messages is gone before a provider has it, and all that it has to find as it left it is there.

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  LimitMeasure,
  LimitWindow,
  PolicySchema,
  ProviderKind,
  RedactDirection,
  RedactOf,
} from "@tollgate/schema/resources";
import { expect, test } from "vitest";
import { deskOf, FakeLedger } from "../lending/ledger.fixture.ts";
import { newId, resource, started } from "../fixtures/gate-fixture.ts";
import {
  answerWith,
  provider,
  send,
  startModelGate,
  startProvider,
  type SeenRequest,
  type Setting,
} from "../fixtures/model-fixture.ts";

type Rule = Omit<MessageInitShape<typeof PolicySchema>, "$typeName">;

const policy = (fields: Rule) => resource("policy", PolicySchema, { name: "rule", ...fields, id: newId() });
const keys: NonNullable<Rule["kind"]> = {
  case: "redact",
  value: {
    of: RedactOf.MODELS,
    direction: RedactDirection.REQUEST,
    patterns: ["sk-[a-z0-9]{4,}"],
    replacement: "[key]",
  },
};

async function gateUnder(
  rules: readonly Rule[],
  more: Parameters<typeof provider>[2] = {},
  fleet: Pick<Setting, "desk"> = {},
) {
  const upstream = started(await startProvider(({ response }: SeenRequest) => answerWith(response, "{}")));
  const base = more.kind === ProviderKind.OPENAI ? `${upstream.url}/v1` : upstream.url;
  const gate = await startModelGate([provider("p", base, more)], { more: rules.map(policy), ...fleet });
  return { gate, upstream };
}

const messages = "/anthropic/v1/messages";
const body = (model: string, text = "hi") =>
  JSON.stringify({ model, max_tokens: 5, messages: [{ role: "user", content: text }] });

test("a refusal is in the door's envelope, with the decision's id beside it, and no provider was asked", async () => {
  const rule: Rule = {
    match: "call.model.startsWith('opus') && !call.stream",
    kind: { case: "deny", value: { message: "Too dear." } },
  };
  const { gate, upstream } = await gateUnder([rule]);
  const refused = await send(gate, messages, { body: body("p/opus-9") });
  expect([refused.status, refused.headers["x-tollgate-code"]]).toEqual([403, "policy.denied"]);
  expect(refused.json).toMatchObject({
    error: { type: "permission_error", message: "A policy refuses this call. Too dear." },
  });
  const decisionId = refused.headers["x-tollgate-decision-id"];
  expect(gate.facts.at(-1)?.kind.value).toMatchObject({ code: "policy.denied", model: "opus-9", decisionId });
  expect([upstream.seen.length, gate.intents.length]).toEqual([0, 0]);
  expect((await send(gate, messages, { body: body("p/haiku-1") })).status).toBe(200);
});

test("an expression that fails refuses the call, and is counted as that", async () => {
  const { gate } = await gateUnder([{ match: "call.arguments.n == 1", kind: { case: "deny", value: {} } }]);
  const refused = await send(gate, messages, { body: body("p/m") });
  expect(refused.headers["x-tollgate-code"]).toBe("policy.failed");
  expect(gate.gate.counters.snapshot().refusalsByCode["policy.failed"]).toBe(1);
});

test.each([
  ["anthropic", ProviderKind.ANTHROPIC, messages, "rate_limit_error"],
  ["openai", ProviderKind.OPENAI, "/openai/v1/chat/completions", "rate_limit_exceeded"],
] as const)("a limit that is reached is told in the words of %s, with its policy", async (_, kind, path, type) => {
  const ledger = new FakeLedger("window", 1n, 60_000);
  const rule: Rule = {
    ...{ name: "few", match: "call.model == 'opus-9'" },
    kind: { case: "limit", value: { measure: LimitMeasure.REQUESTS, amount: 1n, window: LimitWindow.MINUTE } },
  };
  const { gate, upstream } = await gateUnder([rule], { kind }, { desk: deskOf(ledger, "p", 1n) });
  expect((await send(gate, path, { body: body("p/opus-9") })).status).toBe(200);
  const refused = await send(gate, path, { body: body("p/opus-9") });
  expect(refused).toMatchObject({
    status: 429,
    headers: { "x-tollgate-code": "limit.reached", "retry-after": expect.stringMatching(/^\d+$/) },
    json: { error: { type, message: expect.stringContaining("That of the policy `few` lets through 1 requests") } },
  });
  const decisionId = refused.headers["x-tollgate-decision-id"];
  expect(gate.facts.at(-1)?.kind.value).toMatchObject({ code: "limit.reached", model: "opus-9", decisionId });
  expect((await send(gate, path, { body: body("p/haiku-1") })).status).toBe(200);
  expect(upstream.seen.length).toBe(2);
});

test("tokens count of what is billed, and counting them is free", async () => {
  const ledger = new FakeLedger("window", 10_000n, 60_000);
  const kind = {
    case: "limit",
    value: { measure: LimitMeasure.TOKENS, amount: 10_000n, window: LimitWindow.MINUTE },
  } as const;
  const { gate } = await gateUnder([{ kind }], {}, { desk: deskOf(ledger, "p", 1n) });
  expect((await send(gate, `${messages}/count_tokens`, { body: body("p/m") })).status).toBe(200);
  expect(ledger.leases.size).toBe(0);
  expect((await send(gate, messages, { body: body("p/m") })).status).toBe(200);
  expect(ledger.leases.size).toBe(1);
});

test("what is taken out of messages is gone, and what names things, is signed or is base64 is as it was", async () => {
  const { gate, upstream } = await gateUnder([{ kind: keys }]);
  const sent =
    '{ "model":"p/m", "max_tokens":5,  "system":[{"type":"text","text":"sk-abcd"}], "tools":[{"name":"sk-abcd","input_schema":{}}],' +
    '"messages":[ {"role":"user","content":"a sk-abcd \\u0073k-efgh"}, {"role":"assistant","content":[' +
    '{"type":"thinking","thinking":"sk-abcd","signature":"sk-abcd"},{"type":"tool_use","id":"sk-abcd","name":"n","input":{"type":"sk-abcd"}}]},' +
    '{"role":"user","content":[{"type":"tool_result","tool_use_id":"sk-abcd","content":[{"type":"text","text":"sk-abcd"}]},' +
    '{"type":"image","source":{"type":"base64","data":"abcd"}},{"type":"document","source":{"type":"text","data":"my sk-abcd"}}]}], "n":1.50 }';
  await send(gate, messages, { body: sent });
  const expected = sent
    .replace('"model":"p/m"', '"model":"m"')
    .replace('"text":"sk-abcd"}], "tools"', '"text":"[key]"}], "tools"')
    .replace('"a sk-abcd \\u0073k-efgh"', '"a [key] [key]"')
    .replace('"input":{"type":"sk-abcd"}', '"input":{"type":"[key]"}')
    .replace('"text":"sk-abcd"}]},', '"text":"[key]"}]},')
    .replace('"my sk-abcd"', '"my [key]"');
  expect(upstream.seen.at(-1)?.body.toString()).toBe(expected);
});

test("at the door of OpenAI, in both of its forms", async () => {
  const { gate, upstream } = await gateUnder([{ kind: keys }], { kind: ProviderKind.OPENAI });
  const chat =
    '{"model":"p/m","messages":[{"role":"user","content":"sk-abcd"},{"role":"assistant","tool_calls":[{"id":"sk-abcd","function":{"name":"n","arguments":"{\\"a\\":\\"sk-abcd\\"}"}}]}]}';
  await send(gate, "/openai/v1/chat/completions", { body: chat });
  expect(upstream.seen.at(-1)?.body.toString()).toBe(
    chat
      .replace("p/m", "m")
      .replace('"content":"sk-abcd"', '"content":"[key]"')
      .replace('\\"sk-abcd\\"', '\\"[key]\\"'),
  );
  const responses =
    '{"model":"p/m","instructions":"sk-abcd","input":[{"type":"function_call_output","call_id":"sk-abcd","output":"sk-abcd"}]}';
  await send(gate, "/openai/v1/responses", { body: responses });
  expect(upstream.seen.at(-1)?.body.toString()).toBe(
    responses
      .replace("p/m", "m")
      .replace('"instructions":"sk-abcd"', '"instructions":"[key]"')
      .replace('"output":"sk-abcd"', '"output":"[key]"'),
  );
});

test("what is passed on without being known is refused where something had to be taken out", async () => {
  const { gate, upstream } = await gateUnder([{ kind: keys }], { passthrough: true });
  const refused = await send(gate, "/anthropic/v1/messages/batches", { body: '{"requests":[]}' });
  expect([refused.status, refused.headers["x-tollgate-code"]]).toEqual([403, "policy.not-redactable"]);
  expect(upstream.seen).toEqual([]);
});
