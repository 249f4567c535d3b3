// The OpenAI door with real streams: what chat, responses and embeddings used is booked, and a client that did not ask a stream
// for its usage sees it as if nobody had.

import { expect, test } from "vitest";
import { ProviderKind } from "@tollgate/schema/resources";
import { started } from "../fixtures/gate-fixture.ts";
import * as fixture from "../fixtures/model-fixture.ts";

const { answerWith, modelFact, priceList, provider, send, startModelGate, startProvider } = fixture;

const rates = { input: 1_000_000n, cacheRead: 100_000n, output: 5_000_000n };
const prices = priceList([{ provider: "openai", model: "gpt*", rates }]);
const usage =
  '{"prompt_tokens":30,"completion_tokens":7,"total_tokens":37,"prompt_tokens_details":{"cached_tokens":10},"completion_tokens_details":{"reasoning_tokens":2}}';
const chunk = (choices: string, more = "") =>
  `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-5-2025","service_tier":"default","choices":${choices}${more}}\n\n`;
const delta = '[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]';
const finish = '[{"index":0,"delta":{},"finish_reason":"stop"}]';
const unasked = chunk(delta) + chunk(finish) + "data: [DONE]\n\n";
const asked =
  chunk(delta, ',"usage":null') +
  chunk(finish, ',"usage":null') +
  chunk("[]", `,"usage":${usage}`) +
  "data: [DONE]\n\n";

/** A provider that says a stream's usage to whom asks, as OpenAI does. */
async function scene() {
  const upstream = started(
    await startProvider(({ response, body, path }) => {
      const request = JSON.parse(body.toString());
      if (path.endsWith("/embeddings"))
        return answerWith(response, '{"object":"list","model":"gpt-e","usage":{"prompt_tokens":8,"total_tokens":8}}');
      if (path.endsWith("/responses"))
        return answerWith(
          response,
          `event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","model":"gpt-5-2025","status":"completed","output":[{"type":"function_call","call_id":"call_9","name":"f","arguments":"{}"}],"usage":{"input_tokens":30,"input_tokens_details":{"cached_tokens":10},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":37}}}\n\n`,
          { "content-type": "text/event-stream" },
        );
      if (request.stream === true) {
        const text = request.stream_options?.include_usage === true ? asked : unasked;
        return answerWith(response, text, { "content-type": "text/event-stream", "x-request-id": "req_7" });
      }
      answerWith(
        response,
        `{"id":"chatcmpl-1","model":"gpt-5-2025","choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":${usage}}`,
      );
    }),
  );
  const gpt = provider("p", `${upstream.url}/v1`, { kind: ProviderKind.OPENAI });
  return { upstream, gate: await startModelGate([gpt], { more: [prices] }) };
}

const booked = {
  ...{ inputTokens: 20n, cacheReadTokens: 10n, outputTokens: 7n, reasoningTokens: 2n, basis: 1 },
  ...{ costNanoUsd: 20n + 1n + 35n, priceVersion: "published-7", outcome: 1, modelServed: "gpt-5-2025" },
};

test("a stream whose client did not ask for its usage is booked, and comes as if nobody had asked", async () => {
  const { upstream, gate } = await scene();
  const sent = await send(gate, "/openai/v1/chat/completions", { body: '{"stream":true,"model":"gpt-5"}' });
  expect(sent.text).toBe(unasked);
  expect(sent.headers["content-length"]).toBeUndefined();
  expect(upstream.seen[0]?.body.toString()).toBe(
    '{"stream":true,"model":"gpt-5","stream_options":{"include_usage":true}}',
  );
  expect(await modelFact(gate)).toMatchObject({ ...booked, stopReason: "stop", providerRequestId: "req_7" });
});

test("a stream whose client asked, and an answer in one piece, come as they are", async () => {
  const { gate } = await scene();
  const body = '{"model":"gpt-5","stream":true,"stream_options":{"include_usage":true}}';
  expect((await send(gate, "/v1/chat/completions", { body })).text).toBe(asked);
  expect(await modelFact(gate)).toMatchObject(booked);
  const whole = await send(gate, "/v1/chat/completions", { body: '{"model":"gpt-5"}' });
  expect(whole.headers["content-length"]).toBe(String(whole.body.length));
  expect(await modelFact(gate, 1)).toMatchObject(booked);
});

test("responses and embeddings are booked with what they say, and the calls of tools with their ids", async () => {
  const { gate } = await scene();
  await send(gate, "/v1/responses", { body: '{"model":"gpt-5","stream":true,"input":"Hi"}' });
  expect(await modelFact(gate)).toMatchObject({ ...booked, operation: "responses", toolUseIds: ["call_9"] });
  await send(gate, "/v1/embeddings", { body: '{"model":"gpt-e","input":"Hi"}' });
  expect(await modelFact(gate, 1)).toMatchObject({
    operation: "embeddings",
    inputTokens: 8n,
    costNanoUsd: 8n,
    basis: 1,
  });
});

test("an error behind a search is not in the place of an answer: the search was made, and is paid for", async () => {
  const created = 'data: {"type":"response.created","response":{"id":"resp_1","status":"in_progress"}}\n\n';
  const search =
    'data: {"type":"response.output_item.done","item":{"type":"web_search_call","status":"completed","action":{"type":"search"}}}\n\n';
  const error = 'data: {"type":"error","code":"server_error","message":"sorry"}\n\n';
  const texts = [created + error, created + search + error];
  let calls = 0;
  const upstream = started(
    await startProvider(({ response }) =>
      answerWith(response, texts[calls++] ?? "", { "content-type": "text/event-stream" }),
    ),
  );
  const gpt = provider("p", `${upstream.url}/v1`, { kind: ProviderKind.OPENAI });
  const gate = await startModelGate([gpt], { more: [prices] });
  for (let call = 0; call < texts.length; call++)
    await send(gate, "/openai/v1/responses", { body: '{"stream":true,"model":"gpt-5","max_output_tokens":9}' });
  expect(await modelFact(gate, 0)).toMatchObject({ basis: 3, costNanoUsd: 0n });
  const paid = await modelFact(gate, 1);
  expect(paid).toMatchObject({ basis: 2, webSearches: 1n, outputTokens: 9n });
  expect(paid.costNanoUsd).toBeGreaterThan(0n);
});

test("a response in the background runs on when its stream breaks off, and costs its bound", async () => {
  const created = 'data: {"type":"response.created","response":{"id":"resp_1","status":"in_progress"}}\n\n';
  const upstream = started(
    await startProvider(({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(created);
      setImmediate(() => response.socket?.destroy());
    }),
  );
  const gpt = provider("p", `${upstream.url}/v1`, { kind: ProviderKind.OPENAI });
  const gate = await startModelGate([gpt], { more: [prices] });
  const body = '{"stream":true,"background":true,"model":"gpt-5","max_output_tokens":100000}';
  await expect(send(gate, "/openai/v1/responses", { body })).rejects.toThrow("aborted");
  const costNanoUsd = gate.intents[0]?.boundNanoUsd;
  expect(await modelFact(gate)).toMatchObject({ basis: 2, outputTokens: 100_000n, costNanoUsd });
});
