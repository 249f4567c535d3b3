// Paths that the gate does not know: passed on only where a provider is registered so and the key reaches all of its models,
// and never out of the provider's own protocol. Otherwise a key for one model could do anything with its provider's account.

import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { ProviderKind } from "@tollgate/schema/resources";
import { started } from "../fixtures/gate-fixture.ts";
import * as fixture from "../fixtures/model-fixture.ts";
import { isBelow } from "./passing.ts";

const { answerWith, modelFact, provider, send, startModelGate, startProvider } = fixture;
type ModelGate = fixture.ModelGate;

const echo = async () =>
  started(
    await startProvider(({ response, method, path, body }) =>
      answerWith(response, JSON.stringify({ method, path, body: body.toString() })),
    ),
  );

test("method, path, query and body go on as they came, metered by bytes and time alone", async () => {
  const upstream = await echo();
  const gate = await startModelGate([
    provider("claude", upstream.url, { passthrough: true }),
    provider("gpt", `${upstream.url}/v1`, { passthrough: true, kind: ProviderKind.OPENAI }),
  ]);
  const listed = await send(gate, "/anthropic/v1/files?limit=2");
  expect(listed.json).toEqual({ method: "GET", path: "/v1/files?limit=2", body: "" });
  const made = await send(gate, "/openai/v1/vector_stores", { body: "anything" });
  expect(made.json).toEqual({ method: "POST", path: "/v1/vector_stores", body: "anything" });
  const named = await send(gate, "/openai/v1/files/a%20b");
  expect(named.json).toMatchObject({ path: "/v1/files/a%20b" });
  const deleted = await send(gate, "/v1/responses/resp_1", { method: "DELETE" });
  expect(deleted.json).toEqual({ method: "DELETE", path: "/v1/responses/resp_1", body: "" });
  expect(await modelFact(gate)).toMatchObject({
    ...{ door: "anthropic", operation: "v1/files", provider: "claude", model: "", modelAsked: "" },
    ...{ basis: 4, costNanoUsd: 0n, priceVersion: "", outcome: 1, responseBytes: BigInt(listed.body.length) },
  });
  expect(gate.intents).toHaveLength(4);
});

test("nothing is passed where the key reaches less than all of the provider's models, or where it could be meant for two", async () => {
  const upstream = await echo();
  const one = provider("one", upstream.url, { passthrough: true });
  const two = provider("two", upstream.url, { passthrough: true });
  const closed = provider("closed", upstream.url);
  for (const [providers, models, isPassed] of [
    [[one], ["one/*"], true],
    [[one, two], ["one/*"], true],
    [[one, closed], ["*/*"], true],
    [[one], ["one/claude-*"], false],
    [[one], ["*"], true],
    [[one], ["one/m", "two/*"], false],
    [[closed], ["*/*"], false],
    [[one, two], ["*/*"], false],
  ] as const) {
    const gate = await startModelGate(providers, { models });
    const answer = await send(gate, "/anthropic/v1/files");
    const refused = [404, "model.operation-unknown"];
    expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual(isPassed ? [200, undefined] : refused);
  }
});

test("a call that the gate knows is passed on by no spelling, but told its path or served", async () => {
  const upstream = await echo();
  const gate = await startModelGate([
    provider("claude", upstream.url, { passthrough: true }),
    provider("gpt", `${upstream.url}/v1`, { passthrough: true, kind: ProviderKind.OPENAI }),
  ]);
  const chat = "/openai/v1/chat/completions";
  for (const [path, right] of [
    ["/openai/v1/%63hat/completions", chat],
    ["/openai/v1/%2563hat/completions", chat],
    ["/openai/v1/chat/completions/", chat],
    ["/openai//v1/chat/completions", chat],
    ["/openai/v1//chat//completions//", chat],
    ["/openai/v1/v1/chat/completions", chat],
    ["/openai/chat/completions/", chat],
    ["/openai/v1/Chat/Completions", chat],
    ["/v1/chat//completions", chat],
    ["/openai/v1/embeddings/", "/openai/v1/embeddings"],
    ["/openai/v1/messages", "/anthropic/v1/messages"],
    ["/anthropic/messages", "/anthropic/v1/messages"],
    ["/anthropic/v1/messages/", "/anthropic/v1/messages"],
    ["/anthropic/v1/messages//count_tokens", "/anthropic/v1/messages/count_tokens"],
  ] as const) {
    const answer = await send(gate, path, { body: '{"model":"gpt/m"}' });
    expect([path, answer.status, answer.headers["x-tollgate-code"]]).toEqual([path, 404, "model.operation-unknown"]);
    expect(answer.text).toContain(`\`${right}\``);
  }
  for (const path of ["/openai/v1/files?x#y", "/openai/..#", "/openai/v1/..;/x"])
    expect([path, await codeAt(gate, path)]).toEqual([path, "model.operation-unknown"]);
  expect([upstream.seen, gate.intents]).toEqual([[], []]);
  const served = await send(gate, "/openai/chat/completions", { body: '{"model":"gpt/m"}' });
  expect(served.json).toMatchObject({ path: "/v1/chat/completions", body: '{"model":"m"}' });
  expect(await modelFact(gate)).toMatchObject({ operation: "chat/completions", provider: "gpt", model: "m" });
  expect((await send(gate, "/openai/models")).json).toMatchObject({ object: "list" });
});

/** As it is written: a URL would be put in order before it is sent. */
async function codeAt(gate: ModelGate, path: string): Promise<unknown> {
  const { hostname, port } = new URL(gate.url);
  const sent = request({ hostname, port, path, headers: { "x-api-key": gate.agent.text }, agent: false }).end();
  const [response]: IncomingMessage[] = await once(sent, "response");
  response?.resume();
  return response?.headers["x-tollgate-code"];
}

test("a path that leads out of the protocol is none", () => {
  for (const path of ["/v1/files", "/files/a.b", "/v1/models/a%20b", "/v1/..x", "/v1/x..", "/.../x"])
    expect([path, isBelow(path)]).toEqual([path, true]);
  for (const path of [
    "/v1/..",
    "/../x",
    "/v1/../../x",
    "/v1/%2e%2e/x",
    "/v1/.%2E/x",
    "/v1/./x",
    "/a%2f..%2fb",
    "/a\\..",
    "/v1%5c..",
    "",
    "/..#",
    "/..;/x",
    "/v1/..;",
    "/v1/x;y",
    "/v1/x#y",
    "/v1/%252e%252e/x",
    "/v1/%25252e./x",
    "/v1/%25%32%65./x",
    "/v1/%%32%65./x",
    "/v1/..%252fx",
    "/v1/..%255cx",
    "/v1/..%3b/x",
    "/v1/..%23",
    "/v1/%c0%ae%c0%ae/x",
    "/v1/a%2eb",
  ])
    expect([path, isBelow(path)]).toEqual([path, false]);
});
