// How the fixtures ask their client, on the wire. In the legacy era the questions of one call come on that call's own
// stream, several at the same time and rounds one after the other, and the call goes on when they are answered: a bridge
// that takes the first for all, or looks for them on another stream, has to fail against it. In the modern era nothing is
// remembered between two calls but what the client brings back.

import { expect, test } from "vitest";
import { messagesOf } from "./event-stream.ts";
import { startFixture } from "./fixture.ts";

type Message = Record<string, unknown>;
type Headers = Record<string, string>;

async function send(url: string, message: object, headers: Headers): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", ...message }),
  });
}

async function openSession(url: string): Promise<Headers> {
  const clientInfo = { name: "test", version: "1" };
  // It declares nothing, and is asked nevertheless: the fixture leaves that to whoever stands before it.
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const response = await send(url, { id: 1, method: "initialize", params }, {});
  await response.text();
  const session = {
    "mcp-session-id": response.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  await send(url, { method: "notifications/initialized" }, session);
  return session;
}

async function callLegacy(url: string, name: string) {
  const session = await openSession(url);
  const call = { id: 2, method: "tools/call", params: { name, arguments: {} } };
  const messages = messagesOf(await send(url, call, session));
  const next = async (): Promise<Message> => (await messages.next()).value ?? {};
  const answer = async (question: Message, result: object): Promise<number> =>
    (await send(url, { id: question["id"], result }, session)).status;
  return { next, answer };
}

const accepted = (content: object) => ({ action: "accept", content });
const sampled = { role: "assistant", model: "m", content: { type: "text", text: "Hello" } };

test("in the legacy era all questions of one round are on the call's stream before any is answered", async () => {
  await using fixture = await startFixture({ era: "legacy", transport: "http" });
  const { next, answer } = await callLegacy(fixture.url, "test_input_required_result_multiple_inputs");
  const asked = [await next(), await next(), await next()];
  expect(asked.map(({ method }) => method)).toEqual(["elicitation/create", "sampling/createMessage", "roots/list"]);
  expect(new Set(asked.map(({ id }) => id)).size).toBe(3);
  const [name = {}, greeting = {}, roots = {}] = asked;
  // In another order than they were asked.
  expect(await answer(roots, { roots: [] })).toBe(202);
  expect(await answer(greeting, sampled)).toBe(202);
  expect(await answer(name, accepted({ name: "Alice" }))).toBe(202);
  expect(await next()).toMatchObject({ id: 2, result: { content: [{ text: "Hello Alice, with []" }] } });
});

test("in the legacy era the second round is asked when the first one is answered", async () => {
  await using fixture = await startFixture({ era: "legacy", transport: "http" });
  const { next, answer } = await callLegacy(fixture.url, "test_input_required_result_multi_round");
  const first = await next();
  expect(first).toMatchObject({ method: "elicitation/create", params: { message: "Step 1: What is your name?" } });
  await answer(first, accepted({ name: "Alice" }));
  const second = await next();
  expect(second).toMatchObject({ params: { message: "Step 2: What is your favorite color?" } });
  await answer(second, { action: "decline" });
  expect(await next()).toMatchObject({ id: 2, result: { content: [{ text: "Alice likes nobody (decline)" }] } });
});

test("in the legacy era an error in place of an answer fails the tool, and not the call", async () => {
  await using fixture = await startFixture({ era: "legacy", transport: "http" });
  const session = await openSession(fixture.url);
  const params = { name: "test_elicitation", arguments: { message: "Who?" } };
  const messages = messagesOf(await send(fixture.url, { id: 2, method: "tools/call", params }, session));
  const { value: question } = await messages.next();
  await send(fixture.url, { id: question?.["id"], error: { code: -32601, message: "No forms here" } }, session);
  const { value: result } = await messages.next();
  expect(result).toMatchObject({ id: 2, result: { isError: true } });
});

const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": { elicitation: {}, sampling: {}, roots: {} },
};

async function callModern(url: string, name: string, more: object): Promise<Message> {
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name };
  const params = { name, arguments: {}, _meta: meta, ...more };
  const response = await send(url, { id: 1, method: "tools/call", params }, headers);
  const { value } = await messagesOf(response).next();
  return value ?? {};
}

const resultOf = (message: Message): Message => Object(message["result"]);

test("in the modern era a sealed question is asked again, unless its state came with the answer", async () => {
  await using fixture = await startFixture({ era: "modern", transport: "http" });
  const name = "test_input_required_result_multiple_inputs";
  const ask = async (more: object): Promise<Message> => resultOf(await callModern(fixture.url, name, more));
  const keysOf = (result: Message): string[] => Object.keys(Object(result["inputRequests"]));

  const inputResponses = { user_name: accepted({ name: "Alice" }), greeting: sampled };
  const stateless = await ask({ inputResponses });
  expect(keysOf(stateless)).toEqual(["user_name", "greeting", "client_roots"]);
  const partly = await ask({ inputResponses, requestState: stateless["requestState"] });
  expect(keysOf(partly)).toEqual(["client_roots"]);
  const requestState = partly["requestState"];
  const done = await ask({ inputResponses: { client_roots: { roots: [] } }, requestState });
  expect(done).toMatchObject({ resultType: "complete", content: [{ text: "Hello Alice, with []" }] });
});

test("in the modern era the state of one tool is none for another", async () => {
  await using fixture = await startFixture({ era: "modern", transport: "http" });
  const { requestState } = resultOf(await callModern(fixture.url, "test_input_required_result_request_state", {}));
  const more = { requestState, inputResponses: { confirm: accepted({ ok: true }) } };
  const other = await callModern(fixture.url, "test_input_required_result_tampered_state", more);
  expect(other).toMatchObject({ result: { resultType: "input_required" } });
});
