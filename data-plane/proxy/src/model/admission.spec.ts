// Who gets in at the doors to models, what a key reaches there, and how it is told no: in the words that the SDKs of each
// door read, and the same words for what is hidden and for what does not exist.

import { describe, expect, test } from "vitest";
import { ProviderKind } from "@tollgate/schema/resources";
import { at, key, started, team, viewWith } from "../fixtures/gate-fixture.ts";
import * as fixture from "../fixtures/model-fixture.ts";

const { alias, answerWith, provider, send, startModelGate, startProvider } = fixture;

const ok = ({ response }: fixture.SeenRequest) => answerWith(response, "{}");
const messages = "/anthropic/v1/messages";
const chat = "/openai/v1/chat/completions";
const body = (model: string) => JSON.stringify({ model, max_tokens: 5, messages: [] });
const codeOf = ({ status, headers }: fixture.RawAnswer) => [status, headers["x-tollgate-code"]];

async function gateOverBoth(models: readonly string[], more: fixture.Setting["more"] = []) {
  const upstream = started(await startProvider(ok));
  const claude = provider("claude", upstream.url);
  const gpt = provider("gpt", `${upstream.url}/v1`, { kind: ProviderKind.OPENAI, models: ["gpt-5", "org/*"] });
  return { gate: await startModelGate([claude, gpt], { models, more }), upstream, claude, gpt };
}

describe("credentials", () => {
  test("a missing, malformed, unknown or doubled key is refused in the door's envelope, and never to be sent again", async () => {
    const { gate } = await gateOverBoth(["*/*"]);
    const other = key([], { models: ["*/*"] });
    const cases: [Record<string, string | string[]>, string][] = [
      [{ "x-api-key": [] }, "auth.key-missing"],
      [{ "x-api-key": "sk-ant-nonsense" }, "auth.key-malformed"],
      [{ "x-api-key": other.text }, "auth.key-unknown"],
      [{ authorization: `Bearer ${other.text}` }, "auth.keys-conflict"],
    ];
    for (const [headers, code] of cases) {
      const atAnthropic = await send(gate, messages, { body: body("m"), headers });
      expect(codeOf(atAnthropic)).toEqual([401, code]);
      expect(atAnthropic.headers["x-should-retry"]).toBe("false");
      expect(atAnthropic.json).toMatchObject({ type: "error", error: { type: "authentication_error" } });
      expect(at(atAnthropic.json, "request_id")).toBe(atAnthropic.headers["request-id"]);
      const atOpenai = await send(gate, chat, { body: body("m"), headers });
      expect(codeOf(atOpenai)).toEqual([401, code]);
      expect(atOpenai.json).toMatchObject({ error: { type: "invalid_request_error", param: null, code } });
      expect(gate.facts.slice(-2).map(({ kind }) => kind.value)).toMatchObject([
        { code, door: "anthropic" },
        { code, door: "openai" },
      ]);
    }
  });

  test("a key may come as a bearer token or as x-api-key, and one that is revoked is out from the next view on", async () => {
    const { gate } = await gateOverBoth(["*/*"]);
    const bearer = { authorization: `Bearer ${gate.agent.text}` };
    for (const headers of [{ ...bearer, "x-api-key": [] }, bearer, {}])
      expect((await send(gate, messages, { body: body("claude/m"), headers })).status).toBe(200);
    gate.show(viewWith([team()], 2n));
    expect(codeOf(await send(gate, messages, { body: body("claude/m") }))).toEqual([401, "auth.key-unknown"]);
  });

  test("a web page of elsewhere is refused, and whoever says hello is answered without a key", async () => {
    const { gate } = await gateOverBoth(["*/*"]);
    const headers = { origin: "https://evil.example" };
    expect(codeOf(await send(gate, messages, { body: body("m"), headers }))).toEqual([403, "request.origin-refused"]);
    for (const path of ["/", "/anthropic", "/anthropic/api/hello", "/api/hello"])
      for (const method of ["HEAD", "GET"])
        expect((await send(gate, path, { method, headers: { "x-api-key": [] } })).status).toBe(200);
    expect((await send(gate, "//")).json).toMatchObject({ error: { code: "request.path-unknown" } });
  });
});

describe("what a key reaches", () => {
  test("a hidden model and one that does not exist are told apart by nothing", async () => {
    const { gate, upstream } = await gateOverBoth(["gpt/gpt-5", "claude/seen"]);
    for (const path of [messages, chat]) {
      const answers = [];
      for (const model of ["claude/hidden", "hidden", "gpt/org/x", "nowhere/x", "nothing", "gpt/", "/", "*"])
        answers.push(await send(gate, path, { body: body(model) }));
      const told = answers.map(({ status, text }) => `${status} ${text.replace(/"request_id":"[^"]+"/, "")}`);
      expect([...new Set(told)]).toHaveLength(1);
    }
    expect(upstream.seen).toEqual([]);
    const last = gate.facts.at(-1)?.kind.value;
    expect(last).toMatchObject({ code: "model.unknown", keyId: gate.agent.id, model: "*", door: "openai" });
  });

  test("a model that the provider may use besides has to be reached, too, by its own name", async () => {
    const { gate, upstream } = await gateOverBoth(["claude/a", "claude/b"]);
    const asking = (more: object) => send(gate, messages, { body: JSON.stringify({ model: "a", ...more }) });
    const advisor = (model: string) => ({ tools: [{ type: "advisor_20260301", name: "advisor", model }] });
    for (const more of [{ fallbacks: [{ model: "b" }] }, advisor("b"), { models: ["b"] }, { fallbacks: ["b"] }])
      expect((await asking(more)).status).toBe(200);
    for (const more of [{ fallbacks: [{ model: "b" }, { model: "c" }] }, { fallbacks: "default" }, advisor("c")])
      expect(codeOf(await asking(more))).toEqual([400, "model.unknown"]);
    for (const more of [{ models: ["b", "c"] }, { fallbacks: ["c"] }, { fallbacks: [5] }, { models: "b" }])
      expect(codeOf(await asking(more))).toEqual([400, "model.unknown"]);
    expect(upstream.seen).toHaveLength(4);
    const all = await startModelGate([provider("claude", upstream.url)], { models: ["claude/*"] });
    expect((await send(all, messages, { body: '{"model":"a","fallbacks":"default"}' })).status).toBe(200);
  });

  test("a model of the other protocol is refused as such, to whom reaches it", async () => {
    const { gate } = await gateOverBoth(["*/*"]);
    expect(codeOf(await send(gate, messages, { body: body("gpt/gpt-5") }))).toEqual([400, "model.format-unsupported"]);
    expect(codeOf(await send(gate, chat, { body: body("claude/x") }))).toEqual([400, "model.format-unsupported"]);
  });

  test("bare names, prefixed ones and aliases reach the provider under its own name for the model", async () => {
    const upstream = started(await startProvider(ok));
    const gpt = provider("gpt", `${upstream.url}/v1`, { kind: ProviderKind.OPENAI, models: ["gpt-5", "org/*"] });
    const more = [alias("claude-fast", [{ providerId: gpt.id ?? "", model: "org/small" }])];
    const gate = await startModelGate([gpt], { models: ["gpt/*"], more });
    for (const [asked, sent] of [
      ["gpt-5", "gpt-5"],
      ["gpt/gpt-5", "gpt-5"],
      ["gpt/org/x", "org/x"],
      ["org/x", "org/x"],
      ["claude-fast", "org/small"],
    ] as const) {
      await send(gate, chat, { body: body(asked) });
      expect(upstream.seen.at(-1)?.body.toString()).toBe(body(sent));
      expect(upstream.seen.at(-1)?.path).toBe("/v1/chat/completions");
    }
  });

  test("lists show what calls reach, in each door's own shape", async () => {
    const { gate } = await gateOverBoth(["gpt/gpt-5", "claude/a", "claude/b", "claude/c"]);
    const asAnthropic = { "anthropic-version": "2023-06-01" };
    const all = await send(gate, "/v1/models?limit=1000", { headers: asAnthropic });
    const entry = (id: string) => ({ type: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z" });
    const page = { data: ["a", "b", "c"].map(entry), has_more: false, first_id: "a", last_id: "c" };
    expect(all.json).toEqual(page);
    const first = await send(gate, "/anthropic/v1/models?limit=2");
    expect(first.json).toEqual({ ...page, data: ["a", "b"].map(entry), has_more: true, last_id: "b" });
    const next = await send(gate, "/anthropic/v1/models?limit=2&after_id=b");
    expect(next.json).toEqual({ ...page, data: [entry("c")], first_id: "c" });
    const before = await send(gate, "/anthropic/v1/models?limit=1&before_id=c");
    expect(before.json).toEqual({ data: [entry("b")], has_more: true, first_id: "b", last_id: "b" });
    expect((await send(gate, "/v1/models")).json).toEqual({
      object: "list",
      data: [{ id: "gpt-5", object: "model", created: 0, owned_by: "gpt" }],
    });
    expect((await send(gate, "/openai/v1/models/gpt-5")).json).toMatchObject({ id: "gpt-5" });
    expect(codeOf(await send(gate, "/openai/v1/models/a"))).toEqual([404, "model.unknown"]);
    expect(codeOf(await send(gate, "/anthropic/v1/models/d"))).toEqual([400, "model.unknown"]);
  });
});

describe("bodies and paths", () => {
  test("what cannot be read in one way alone is refused unread", async () => {
    const { gate, upstream } = await gateOverBoth(["*/*"]);
    for (const [text, code] of [
      ["not json", "model.body-not-json"],
      ["[]", "model.body-not-json"],
      ["", "model.body-not-json"],
      ['{"messages":[]}', "model.missing"],
      ['{"model":7}', "model.missing"],
      ['{"model":"a","mod\\u0065l":"b"}', "model.duplicate-member"],
      ['{"model":"a","Model":"b"}', "model.duplicate-member"],
      ['{"model":"a","max_tokens":1,"max_tokens":2}', "model.duplicate-member"],
    ]) {
      expect(codeOf(await send(gate, messages, { body: text ?? "" }))).toEqual([400, code]);
      expect(codeOf(await send(gate, chat, { body: text ?? "" }))).toEqual([400, code]);
    }
    expect(upstream.seen).toEqual([]);
  });

  test("a path that is not known, and a method that it does not take, are refused", async () => {
    const { gate } = await gateOverBoth(["*/*"]);
    for (const path of [
      "/anthropic/v1/files",
      "/openai/v1/files",
      "/v1/responses/resp_1",
      "/api/oauth/settings",
      "/v1",
    ])
      expect(codeOf(await send(gate, path))).toEqual([404, "model.operation-unknown"]);
    // Without a budget there is no cap.
    expect((await send(gate, "/api/oauth/usage")).json).toEqual({ limits: [] });
    const got = await send(gate, messages);
    expect(codeOf(got)).toEqual([405, "request.method-not-allowed"]);
    expect(got.headers).toMatchObject({ allow: "POST", "request-id": at(got.json, "request_id") });
    expect(gate.facts.at(-1)?.kind.value).toMatchObject({ code: "request.method-not-allowed", door: "anthropic" });
    expect((await send(gate, "/v1/models", { body: "{}" })).headers.allow).toBe("GET, HEAD");
  });
});
