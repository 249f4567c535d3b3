// What a gate is tried with has to happen as it was told, to the byte and to the token: a cut at another place, or a bill
// for more than was generated, would be blamed on the gate. The client here sees the wire itself.
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { until } from "../../test/support/wait.ts";
import { startMockProvider, type MockProvider } from "./provider.ts";
import { fetchRaw, type Sending } from "./raw-client.fixture.ts";
import type { Reply, Trouble } from "./reply.ts";

const slowMsMax = 60_000;
const key = "sk-ant-of-a-test";
const headers = { "x-api-key": key, "anthropic-version": "2023-06-01" };
const words: Reply = { content: [{ type: "text", tokens: 1_000 }], charsPerEvent: 40 };

function ask(provider: MockProvider, reply: Reply, isStreamed = true, sending: Sending = {}) {
  const messages = [{ role: "user", content: "Go on" }];
  const body = { model: "claude-test-5", max_tokens: 50_000_000, stream: isStreamed, messages };
  const carried = { ...headers, "x-mock-reply": JSON.stringify(reply) };
  return fetchRaw(`${provider.url}/v1/messages`, { ...sending, headers: { ...carried, ...sending.headers }, body });
}

const withTrouble = (trouble: Trouble): Reply => ({ ...words, trouble });
const eventsIn = (body: Buffer): number => body.toString().split("\n\n").length - 1;

describe("an answer that is an error", () => {
  test.each([401, 403, 408, 409, 429, 500, 529])("with status %i, in either form, costs nothing", async (status) => {
    await using provider = await startMockProvider();
    provider.failCredential(key, { status, retryAfter: "7" });
    const anthropic = new Anthropic({ baseURL: provider.url, apiKey: key, maxRetries: 0 });
    const openai = new OpenAI({ baseURL: `${provider.url}/v1`, apiKey: key, maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "Go on" }];
    const failures = await Promise.all([
      anthropic.messages.create({ model: "m", max_tokens: 9, messages }).catch((error: unknown) => error),
      openai.chat.completions.create({ model: "m", messages }).catch((error: unknown) => error),
    ]);
    expect(failures[0]).toBeInstanceOf(Anthropic.APIError);
    expect(failures[1]).toBeInstanceOf(OpenAI.APIError);
    for (const failure of failures) expect(failure).toMatchObject({ status });
    const [first, second] = provider.exchanges;
    expect(JSON.parse(first?.sent.toString() ?? "")).toMatchObject({ type: "error", request_id: first?.requestId });
    expect(JSON.parse(second?.sent.toString() ?? "")).toMatchObject({ error: { param: null } });
    for (const { sentRawHeaders } of provider.exchanges) expect(sentRawHeaders).toContain("retry-after");
    expect(provider.bill()).toEqual([]);
  });

  test("befalls one credential, so often as was said", async () => {
    await using provider = await startMockProvider();
    provider.failCredential(key, { status: 529 }, 2);
    const other = { headers: { "x-api-key": "sk-ant-of-another" } };
    const statuses = [];
    for (const sending of [{}, other, {}, {}]) statuses.push((await ask(provider, words, false, sending)).status);
    expect(statuses).toEqual([529, 200, 529, 200]);
  });

  test("comes to keys that are not known, and to none", async () => {
    await using provider = await startMockProvider({ credentials: [key] });
    const statuses = [];
    for (const given of [key, "sk-ant-unknown", ""])
      statuses.push((await ask(provider, words, false, { headers: { "x-api-key": given } })).status);
    expect(statuses).toEqual([200, 401, 401]);
  });
});

test("a credential has so many requests in a window, and says how many are left", async () => {
  let now = 1_000_000;
  await using provider = await startMockProvider({ now: () => now });
  provider.limitCredential(key, { requests: 2, windowMs: 10_000 });
  const seen = [];
  for (const after of [0, 1_500, 1_500, 8_000]) {
    now += after;
    const { status, headers: got } = await ask(provider, words, false);
    seen.push([status, got["anthropic-ratelimit-requests-remaining"], got["retry-after"]]);
  }
  expect(seen).toEqual([
    [200, "1", undefined],
    [200, "0", undefined],
    [429, "0", "7"],
    [200, "1", undefined],
  ]);
});

describe("a stream that does not reach its end", () => {
  test("fails with an error of its own, and costs what was generated", async () => {
    await using provider = await startMockProvider();
    const { body, broken } = await ask(provider, withTrouble({ errorAfterEvents: 13 }));
    expect(broken).toBe("");
    expect(eventsIn(body)).toBe(14);
    expect(body.toString()).toContain('event: error\ndata: {"type":"error","error":{"type":"overloaded_error"');
    // Three events open the message and its block; each of the ten that follow has ten tokens.
    expect(provider.bill()).toMatchObject([{ isBrokenOff: true, usage: { outputTokens: 100 } }]);
  });

  test("fails in the forms of OpenAI's two APIs", async () => {
    await using provider = await startMockProvider();
    const seen = [];
    for (const [path, said] of [
      ["chat/completions", { messages: [{ role: "user", content: "Go on" }] }],
      ["responses", { input: "Go on" }],
    ] as const) {
      const reply = JSON.stringify(withTrouble({ errorAfterEvents: 5 }));
      const { body } = await fetchRaw(`${provider.url}/v1/${path}`, {
        headers: { authorization: `Bearer ${key}`, "x-mock-reply": reply },
        body: { model: "m", stream: true, ...said },
      });
      seen.push(body.toString().split("\n\n").at(-2));
    }
    expect(seen).toEqual([
      expect.stringMatching(/^data: {"error":{"message":".*","type":"server_error","param":null,"code":null}}$/),
      expect.stringContaining('event: error\ndata: {"type":"error","sequence_number":5,"code":"server_error"'),
    ]);
  });

  test.each([0, 1, 1_000, 1_001])("is cut by the provider after %i bytes of its body", async (bytes) => {
    await using provider = await startMockProvider();
    const { body, broken } = await ask(provider, withTrouble({ cutAfterBytes: bytes }));
    expect([body.length, broken]).toEqual([bytes, "ECONNRESET"]);
    await provider.settled();
    expect(provider.exchanges[0]).toMatchObject({ end: "broken by provider", sentBytes: bytes, sent: body });
    expect(provider.bill()).toMatchObject([{ isBrokenOff: true }]);
  });

  test("is left by its client: what was generated is billed, and what was until that was noticed", async () => {
    await using provider = await startMockProvider();
    for (const [noticeTokens, outputTokens] of [
      [0, 100],
      [33, 133],
      [2_048, 1_000],
    ] as const) {
      const whole = await ask(provider, withTrouble({ cutAfterEvents: 13 }));
      const leavesAfterBytes = whole.body.length;
      const trouble = { hangAfterEvents: 13, noticeTokens };
      const { broken } = await ask(provider, withTrouble(trouble), true, { leavesAfterBytes });
      expect(broken).toBe("left");
      await provider.settled();
      expect(provider.exchanges.at(-1)?.end).toBe("broken by client");
      expect(provider.bill().at(-1)).toMatchObject({ isBrokenOff: true, usage: { outputTokens } });
    }
  });
});

test("a stream in flow is billed with no less than what its client saw", async () => {
  await using provider = await startMockProvider();
  const { body } = await ask(provider, withTrouble({ chunkDelayMs: 1 }), true, { leavesAfterBytes: 5_000 });
  await provider.settled();
  const seenTokens = 10 * (body.toString().match(/text_delta/g)?.length ?? 0);
  const [charge] = provider.bill();
  expect(charge?.isBrokenOff).toBe(true);
  expect(charge?.usage.outputTokens).toBeGreaterThanOrEqual(seenTokens - 10);
  expect(charge?.usage.outputTokens).toBeLessThan(1_000);
});

test("a plain answer that its client does not wait for is billed whole", async () => {
  await using provider = await startMockProvider();
  const leaving = new AbortController();
  const asked = ask(provider, withTrouble({ headDelayMs: 60_000 }), false, { signal: leaving.signal });
  await until(() => provider.exchanges[0]?.body.length, { what: "the request" });
  leaving.abort();
  expect((await asked).broken).toBe("ABORT_ERR");
  await provider.settled();
  expect(provider.bill()).toMatchObject([{ isBrokenOff: true, usage: { outputTokens: 1_000 } }]);
});

describe("no head", () => {
  test.each(["end", "reset"] as const)("comes, and the connection is lost: %s", async (noHead) => {
    await using provider = await startMockProvider();
    expect(await ask(provider, withTrouble({ noHead }))).toMatchObject({ status: 0, broken: "ECONNRESET" });
    await ask(provider, withTrouble({ noHead, billed: "nothing" }));
    expect(provider.bill()).toMatchObject([{ isBrokenOff: true, usage: { outputTokens: 1_000 } }]);
  });

  test("comes, and the connection stays", async () => {
    await using provider = await startMockProvider();
    const leaving = new AbortController();
    const asked = ask(provider, withTrouble({ noHead: "hang" }), true, { signal: leaving.signal });
    await until(() => provider.exchanges[0]?.body.length, { what: "the request" });
    expect(provider.exchanges[0]).toMatchObject({ status: 0, end: "open" });
    leaving.abort();
    await asked;
    await provider.settled();
    expect(provider.exchanges[0]?.end).toBe("broken by client");
  });
});

test("what comes is no HTTP, or no answer", async () => {
  await using provider = await startMockProvider();
  expect((await ask(provider, withTrouble({ garbage: "head" }))).broken).toMatch(/^HPE_/);
  const { status, body, broken } = await ask(provider, withTrouble({ garbage: "body" }));
  expect([status, body.length, broken]).toEqual([200, 512, ""]);
  expect(body.toString()).not.toContain("data:");
});

test("the head is longer than anybody wants it", async () => {
  await using provider = await startMockProvider();
  const { headers: got } = await ask(provider, withTrouble({ headerCount: 500, headerValueBytes: 1_000 }), false);
  expect(got["x-flood-499"]).toHaveLength(1_000);
});

test(
  "a body comes in drops, and is the same",
  async () => {
    await using provider = await startMockProvider();
    const short: Reply = { content: [{ type: "text", text: "Not much." }] };
    const whole = await ask(provider, short);
    const dripped = await ask(provider, { ...short, trouble: { chunkBytes: 7, chunkDelayMs: 0 } });
    expect(dripped.body.toString()).toBe(whole.body.toString());
  },
  slowMsMax,
);

test(
  "an answer of 100 MB waits for a client that does not read",
  async () => {
    await using provider = await startMockProvider({ recordedBytesMax: 1 });
    const huge: Reply = { content: [{ type: "text", tokens: 25_000_000 }] };
    const { body } = await ask(provider, huge, false, { leavesAfterBytes: 1 });
    await provider.settled();
    expect(body.length).toBeGreaterThan(0);
    const sentBytes = provider.exchanges[0]?.sentBytes ?? 0;
    expect(sentBytes).toBeLessThan(50_000_000);
    const { body: whole } = await ask(provider, huge, false);
    expect(whole.length).toBeGreaterThan(100_000_000);
  },
  slowMsMax,
);

test("who accepts gzip gets it where the mock compresses, and who does not gets it plain", async () => {
  await using provider = await startMockProvider({ compresses: true });
  const plain = await ask(provider, words);
  const packed = await ask(provider, words, true, { headers: { "accept-encoding": "gzip, br" } });
  expect(packed.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(packed.body).toString()).toBe(plain.body.toString());
  const sdk = new Anthropic({ baseURL: provider.url, apiKey: key, maxRetries: 0 });
  const message = await sdk.messages.create({ model: "m", max_tokens: 9, messages: [{ role: "user", content: "Hi" }] });
  expect(message.content).toEqual([{ type: "text", text: "m heard: Hi" }]);
});

test("each request is kept as it came, and each answer as it went out", async () => {
  await using provider = await startMockProvider();
  const { body } = await ask(provider, words, true, { headers: { "X-Of-A-Client": "As It Is" } });
  const [exchange] = provider.exchanges;
  expect(exchange).toMatchObject({ method: "POST", target: "/v1/messages", status: 200, end: "ended" });
  expect(exchange?.rawHeaders).toEqual(expect.arrayContaining(["X-Of-A-Client", "As It Is"]));
  expect(exchange?.body.toString()).toContain('"model":"claude-test-5"');
  expect(exchange?.sent.equals(body)).toBe(true);
});

test("a client that takes it for its proxy and leaves at once does not end it", async () => {
  await using provider = await startMockProvider();
  const { hostname, port } = new URL(provider.url);
  for (let time = 1; time <= 20; time++) {
    const socket = connect(Number(port), hostname);
    socket.on("error", () => undefined);
    socket.write("CONNECT telemetry.example:443 HTTP/1.1\r\nhost: telemetry.example:443\r\n\r\n");
    await until(() => provider.outside.length === time, { what: "the wish to leave" });
    socket.resetAndDestroy();
  }
  expect(await fetchRaw(`${provider.url}/api/hello`, { method: "GET" })).toMatchObject({ status: 200, broken: "" });
});
