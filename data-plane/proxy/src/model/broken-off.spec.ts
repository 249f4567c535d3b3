// Answers that do not come to their end, and those that only look so: the provider breaks off, is silent, speaks garbage; the
// client leaves or does not read. Whichever it is, the other side hears of it, nothing stays open, and the call is written down
// with at least what the provider can have billed. Without it an interrupted agent would be free, or a dead stream last for ever.

import { describe, expect, test } from "vitest";
import { bytesInUse } from "../fixtures/heap.ts";
import { started, until } from "../fixtures/gate-fixture.ts";
import * as fixture from "../fixtures/model-fixture.ts";

const { answerWith, bytesOf, modelFact, open, priceList, provider, send, startModelGate, startProvider } = fixture;

const path = "/anthropic/v1/messages";
const event = (type: string, more: string) => `event: ${type}\ndata: {"type":"${type}"${more}}\n\n`;
const usageAtStart =
  '"input_tokens":25,"cache_read_input_tokens":100,"cache_creation_input_tokens":0,"output_tokens":1';
const start = event(
  "message_start",
  `,"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-m-1","content":[],"usage":{${usageAtStart}}}`,
);
const blockStart = event("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}');
const delta = event("content_block_delta", ',"index":0,"delta":{"type":"text_delta","text":"0123456789"}');
const blockStop = event("content_block_stop", ',"index":0');
const last = event("message_delta", ',"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}');
const stop = event("message_stop", "");
const whole = start + blockStart + delta + blockStop + last + stop;
const streaming = '{"model":"m","max_tokens":4000,"stream":true,"messages":[{"role":"user","content":"Hi"}]}';
const plain = '{"model":"m","max_tokens":4000,"messages":[{"role":"user","content":"Hi"}]}';
const rates = {
  input: 1_000_000n,
  cacheRead: 100_000n,
  cacheWrite5m: 1_250_000n,
  cacheWrite1h: 2_000_000n,
  output: 5_000_000n,
};
/** One nano-dollar for a token of input, five for one of output. */
const prices = priceList([{ provider: "p", model: "m", rates }]);

async function scene(answer: (seen: fixture.SeenRequest) => void, more: { timeoutSeconds?: number } = {}) {
  const upstream = started(await startProvider(answer));
  return { upstream, gate: await startModelGate([provider("p", upstream.url, more)], { more: [prices] }) };
}

const begin = ({ response }: fixture.SeenRequest, text = "") => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (text !== "") response.write(text);
};

describe("an answer that comes to its end", () => {
  test("is booked with what the provider said, to the token and the nano-dollar", async () => {
    const { gate } = await scene((seen) => {
      begin(seen);
      seen.response.end(whole);
    });
    const answer = await send(gate, path, { body: streaming });
    expect(answer.text).toBe(whole);
    expect(await modelFact(gate)).toMatchObject({
      ...{ outcome: 1, basis: 1, inputTokens: 25n, cacheReadTokens: 100n, outputTokens: 15n, stopReason: "end_turn" },
      ...{ modelServed: "claude-m-1", costNanoUsd: 25n + 10n + 75n, priceVersion: "published-7", streamed: true },
      responseBytes: BigInt(whole.length),
    });
  });

  test("and never says what it wrote, is booked with what was seen of it, and a margin", async () => {
    const unsaid = event("message_delta", ',"delta":{"stop_reason":"end_turn"}');
    const texts = [start + blockStart + delta.repeat(400) + unsaid + stop, start + unsaid + stop];
    const { upstream, gate } = await scene((seen) => {
      begin(seen);
      seen.response.end(texts[upstream.seen.length - 1]);
    });
    for (const text of texts) expect((await send(gate, path, { body: streaming })).text).toBe(text);
    // No more than was asked for.
    const outputTokens = 4_000n;
    expect(await modelFact(gate)).toMatchObject({
      outcome: 1,
      basis: 2,
      outputTokens,
      costNanoUsd: 35n + 5n * outputTokens,
    });
    // Of which there is nothing.
    expect(await modelFact(gate, 1)).toMatchObject({ outcome: 1, basis: 1, outputTokens: 1n, costNanoUsd: 35n + 5n });
  });

  test("is answered, too, for a client that leaves as soon as it has read the last event", async () => {
    const { upstream, gate } = await scene((seen) => begin(seen, whole));
    const response = await open(gate, path, { body: streaming });
    let text = "";
    response.on("data", (chunk) => (text += String(chunk)));
    await until(() => text === whole, "all events");
    response.destroy();
    expect(await modelFact(gate)).toMatchObject({ outcome: 1, basis: 1, costNanoUsd: 110n });
    await until(() => upstream.seen[0]?.response.destroyed === true, "the provider to hear of it");
  });
});

describe("a provider that breaks off", () => {
  const cases = [
    // Nothing was said: half the body's bytes as dearest input, and the margin.
    ["before anything was said", "", 2n * BigInt(Math.ceil(streaming.length / 2)) + 5n * 2_048n, 2_048n],
    ["when it has said the input", start, 25n + 10n + 5n * (1n + 2_048n), 1n + 2_048n],
    // Ten bytes of text are at most five tokens.
    ["in the middle of the text", start + blockStart + delta, 25n + 10n + 5n * (5n + 2_048n), 5n + 2_048n],
  ] as const;
  for (const [when, text, cost, outputTokens] of cases)
    test(`${when}: the client is cut off, and the call costs what was said and seen, and a margin`, async () => {
      const { gate } = await scene((seen) => {
        begin(seen, text);
        seen.response.flushHeaders();
        setImmediate(() => seen.response.socket?.destroy());
      });
      const response = await open(gate, path, { body: streaming });
      await expect(bytesOf(response)).rejects.toThrow("aborted");
      expect(await modelFact(gate)).toMatchObject({ outcome: 2, basis: 2, costNanoUsd: cost, outputTokens });
    });

  test("before anything was said of input that it keeps itself, which may have been all that the model can read", async () => {
    const wide = priceList([{ provider: "p", model: "m", rates, contextTokensMax: 200_000n }]);
    const upstream = started(
      await startProvider((seen) => {
        begin(seen);
        seen.response.flushHeaders();
        setImmediate(() => seen.response.socket?.destroy());
      }),
    );
    const gate = await startModelGate([provider("p", upstream.url)], { more: [wide] });
    const source = { type: "file", file_id: "file_1" };
    const messages = [{ role: "user", content: [{ type: "document", source }] }];
    const body = JSON.stringify({ model: "m", max_tokens: 9, stream: true, messages });
    await expect(bytesOf(await open(gate, path, { body }))).rejects.toThrow("aborted");
    const costNanoUsd = 2n * 200_000n + 5n * 9n;
    expect(await modelFact(gate)).toMatchObject({ basis: 2, inputTokens: 200_000n, costNanoUsd });
  });

  test("behind a search, of which it has read what it found, and which is one of those that were allowed", async () => {
    const search = event(
      "content_block_start",
      ',"index":0,"content_block":{"type":"server_tool_use","id":"s","name":"web_search"}',
    );
    const searching = { provider: "p", model: "m", rates, contextTokensMax: 200_000n, webSearchNanoUsd: 10_000_000n };
    const upstream = started(
      await startProvider((seen) => {
        begin(seen, start + search);
        setImmediate(() => seen.response.socket?.destroy());
      }),
    );
    const gate = await startModelGate([provider("p", upstream.url)], { more: [priceList([searching])] });
    const tools = [{ type: "web_search_20260209", name: "web_search", max_uses: 3 }];
    const body = JSON.stringify({ model: "m", max_tokens: 9, stream: true, messages: [], tools });
    await expect(bytesOf(await open(gate, path, { body }))).rejects.toThrow("aborted");
    // The hundred that the stream said to be cached cost a tenth.
    const costNanoUsd = 199_900n + 10n + 5n * 9n + 10_000_000n;
    expect(await modelFact(gate)).toMatchObject({ basis: 2, inputTokens: 199_900n, webSearches: 1n, costNanoUsd });
    expect(gate.intents[0]?.boundNanoUsd).toBe(2n * 200_000n + 5n * 9n + 3n * 10_000_000n);
  });

  test("when it has said that it serves the call in another tier, which then is what it costs", async () => {
    const dearer = { ...rates, input: 2_000_000n, output: 10_000_000n };
    const both = priceList([
      { provider: "p", model: "m", rates },
      { provider: "p", model: "m", serviceTier: "priority", rates: dearer },
    ]);
    const upstream = started(
      await startProvider((seen) => {
        begin(seen, start.replace('"output_tokens":1', '"output_tokens":1,"service_tier":"priority"'));
        setImmediate(() => seen.response.socket?.destroy());
      }),
    );
    const gate = await startModelGate([provider("p", upstream.url)], { more: [both] });
    const response = await open(gate, path, { body: streaming });
    await expect(bytesOf(response)).rejects.toThrow("aborted");
    const cost = 2n * 25n + 10n + 10n * (1n + 2_048n);
    expect(await modelFact(gate)).toMatchObject({ basis: 2, serviceTier: "priority", costNanoUsd: cost });
  });

  test("in one piece, of which the bound is the dearest tier's where the client leaves it to the provider", async () => {
    const tier = (serviceTier: string, times: bigint) => {
      const own = { input: rates.input * times, output: rates.output * times };
      return { provider: "p", model: "m", serviceTier, rates: own };
    };
    const tiers = priceList([tier("", 1n), tier("priority", 2n), tier("flex", 3n), tier("fast", 6n)]);
    const upstream = started(await startProvider(({ response }) => void response.socket?.destroy()));
    const gate = await startModelGate([provider("p", upstream.url)], { more: [tiers] });
    const cases = [
      ["", 3n],
      [',"service_tier":"auto"', 3n],
      [',"service_tier":"default"', 1n],
      [',"service_tier":"priority"', 2n],
      [',"speed":"fast"', 6n],
    ] as const;
    for (const [at, [more, times]] of cases.entries()) {
      const body = `{"model":"m","max_tokens":100${more}}`;
      await send(gate, path, { body });
      expect(gate.intents[at]?.boundNanoUsd, more).toBe(times * (BigInt(body.length) + 500n));
    }
  });

  test("in the middle of an answer in one piece, which then costs its bound", async () => {
    const { gate } = await scene(({ response }) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": 1_000 }).write('{"type":"mess');
      setImmediate(() => response.socket?.destroy());
    });
    const response = await open(gate, path, { body: plain });
    await expect(bytesOf(response)).rejects.toThrow("aborted");
    const [intent] = gate.intents;
    expect(intent?.boundNanoUsd).toBe(2n * BigInt(plain.length) + 5n * 4_000n);
    expect(await modelFact(gate)).toMatchObject({ outcome: 2, basis: 2, costNanoUsd: intent?.boundNanoUsd });
  });

  test("by silence, and is given up when it has said nothing for as long as it may", async () => {
    const { upstream, gate } = await scene((seen) => begin(seen, start), { timeoutSeconds: 1 });
    const response = await open(gate, path, { body: streaming });
    await expect(bytesOf(response)).rejects.toThrow("aborted");
    expect(await modelFact(gate)).toMatchObject({ outcome: 2, basis: 2 });
    await until(() => upstream.seen[0]?.response.destroyed === true, "the provider to hear of it");
  });

  test("with an error in the place of an answer, which used nothing", async () => {
    const error = event("error", ',"error":{"type":"overloaded_error","message":"Overloaded"}');
    const { gate } = await scene((seen) => {
      begin(seen);
      seen.response.end(error);
    });
    expect((await send(gate, path, { body: streaming })).text).toBe(error);
    expect(await modelFact(gate)).toMatchObject({ outcome: 1, basis: 3, costNanoUsd: 0n });
  });

  test("with garbage, which passes as it came and costs the bound", async () => {
    const garbage = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 7) % 256));
    const { gate } = await scene(({ response }) =>
      answerWith(response, garbage, { "content-type": "text/event-stream" }),
    );
    expect((await send(gate, path, { body: plain })).body.equals(garbage)).toBe(true);
    expect(await modelFact(gate)).toMatchObject({ basis: 2, costNanoUsd: gate.intents[0]?.boundNanoUsd });
  });

  test("with more headers than there may be", async () => {
    const { gate } = await scene(({ response }) => answerWith(response, "{}", { "x-flood": "x".repeat(100_000) }));
    const answer = await send(gate, path, { body: plain });
    expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([502, "upstream.protocol"]);
  });
});

describe("a client that leaves", () => {
  test("before the head ends the call at the provider, and pays for input and margin", async () => {
    const { upstream, gate } = await scene(() => undefined);
    const left = new AbortController();
    const sent = fetch(gate.url + path, {
      ...{ method: "POST", body: streaming, signal: left.signal, headers: { "x-api-key": gate.agent.text } },
    }).catch(() => "left");
    await until(() => upstream.seen.length === 1, "the provider to be asked");
    left.abort();
    expect(await sent).toBe("left");
    await until(() => upstream.seen[0]?.response.destroyed === true, "the provider to hear of it");
    const cost = 2n * BigInt(Math.ceil(streaming.length / 2)) + 5n * 2_048n;
    expect(await modelFact(gate)).toMatchObject({ outcome: 3, basis: 2, costNanoUsd: cost, status: 0 });
  });

  test("in the middle of a stream ends it at the provider", async () => {
    const { upstream, gate } = await scene((seen) => begin(seen, start + blockStart + delta));
    const response = await open(gate, path, { body: streaming });
    response.once("data", () => response.destroy());
    await until(() => upstream.seen[0]?.response.destroyed === true, "the provider to hear of it");
    const cost = 25n + 10n + 5n * (5n + 2_048n);
    expect(await modelFact(gate)).toMatchObject({ outcome: 3, basis: 2, costNanoUsd: cost, status: 200 });
  });

  test("or does not read makes the provider wait, and costs no memory", async () => {
    const chunk = Buffer.alloc(64 * 1024, " ");
    const total = 64 * 1024 * 1024;
    let written = 0;
    const { gate } = await scene((seen) => {
      begin(seen, start);
      const { response } = seen;
      const fill = (): void => {
        while (written < total && !response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", fill);
        }
        response.end();
      };
      fill();
    });
    const before = await bytesInUse();
    const response = await open(gate, path, { body: streaming });
    response.pause();
    let seen = -1;
    await until(async () => {
      const isStill = written === seen;
      seen = written;
      await fetch(`${gate.url}/healthz`);
      return isStill && written > 0;
    }, "the provider to wait");
    expect(written).toBeLessThan(total / 2);
    expect((await bytesInUse()) - before).toBeLessThan(32 * 1024 * 1024);
    expect((await bytesOf(response)).length).toBe(start.length + total);
  });
});
