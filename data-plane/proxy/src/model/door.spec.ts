// What a client meets at the doors to models, over real sockets: that bytes go and come as they were sent, who gets in, which
// words a refusal has, and what is written down before the answer has its end.

import { describe, expect, test } from "vitest";
import { at, started, until } from "../fixtures/gate-fixture.ts";
import * as models from "../fixtures/model-fixture.ts";

const { answerWith, modelFact, provider, send, startModelGate, startProvider } = models;

const message =
  '{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3,"n":12345678901234567890}}';

describe("relaying", () => {
  test("every byte of body and answer is as it was sent", async () => {
    const upstream = started(
      await startProvider(({ response }) => answerWith(response, message, { "request-id": "req_1", "x-own": "é" })),
    );
    const gate = await startModelGate([provider("anthropic", upstream.url)]);
    const body =
      ' { "max_tokens":1024, "model" : "claude-sonnet-4-5", "x":{"model":"other","n":9007199254740993},"messages":[{"role":"user","content":"\\u00e9 é"}], "unknown":[1.50,-0,1e400]} ';
    const answer = await send(gate, "/anthropic/v1/messages?beta=true", { body });
    expect([answer.status, answer.text]).toEqual([200, message]);
    expect(answer.headers).toMatchObject({ "request-id": "req_1", "content-length": String(message.length) });
    expect(answer.headers["x-tollgate-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    const [seen] = upstream.seen;
    expect([seen?.method, seen?.path, seen?.body.toString()]).toEqual(["POST", "/v1/messages?beta=true", body]);
    expect(seen?.headers["x-api-key"]).toBe("sk-anthropic-first");
    expect(await modelFact(gate)).toMatchObject({
      ...{ keyId: gate.agent.id, door: "anthropic", operation: "messages", modelAsked: "claude-sonnet-4-5" },
      ...{ provider: "anthropic", model: "claude-sonnet-4-5", credential: "first", outcome: 1, status: 200 },
      ...{ attempts: 1, providerRequestId: "req_1", requestBytes: BigInt(Buffer.byteLength(body)) },
    });
    expect(gate.intents).toMatchObject([{ door: "anthropic", operation: "messages", provider: "anthropic" }]);
  });

  test("a stream comes chunk by chunk, and its end when it is written down", async () => {
    const chunks = ["event: message_start\ndata: {}\n\n", ": ping\n\n", "event: message_stop\r\ndata: {}\r\n\r\n"];
    const upstream = started(
      await startProvider(({ response }) => {
        response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
        response.write(chunks[0]);
      }),
    );
    const gate = await startModelGate([provider("anthropic", upstream.url)]);
    const release = gate.holdFacts();
    const body = '{"model":"anthropic/claude-x","stream":true}';
    const response = await models.open(gate, "/v1/messages", { body });
    const came: string[] = [];
    let isEnded = false;
    response.on("data", (chunk) => came.push(String(chunk)));
    response.once("end", () => (isEnded = true));
    await until(() => came.length === 1, "the first chunk");
    expect(upstream.seen[0]?.body.toString()).toBe('{"model":"claude-x","stream":true}');
    upstream.seen[0]?.response.write(chunks[1]);
    await until(() => came.length === 2, "the second chunk");
    upstream.seen[0]?.response.end(chunks[2]);
    await until(() => gate.facts.length === 1, "the fact to be made");
    await fetch(`${gate.url}/healthz`);
    expect([came.join(""), isEnded]).toEqual([chunks.join(""), false]);
    release();
    await until(() => isEnded, "the end");
    expect(at(await modelFact(gate), "streamed")).toBe(true);
  });
});
