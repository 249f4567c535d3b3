// Large bodies and packed ones, slow ones and those that ask first: what a client may send, and that a small body does not
// become a large one inside the gate.

import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { started, until } from "../fixtures/gate-fixture.ts";
import * as fixture from "../fixtures/model-fixture.ts";

type SeenRequest = fixture.SeenRequest;
const { answerWith, bytesOf, modelFact, provider, send, startModelGate, startProvider } = fixture;

const path = "/anthropic/v1/messages";
const body = '{"model":"p/m","text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}';
const sentOn = body.replace("p/m", "m");

async function scene(settings: Record<string, string> = {}) {
  const upstream = started(await startProvider(({ response }) => answerWith(response, "{}")));
  return { upstream, gate: await startModelGate([provider("p", upstream.url)], { settings }) };
}

test("a body of 32 MiB goes on whole, and one byte more is refused", async () => {
  const { upstream, gate } = await scene();
  const bytesMax = 32 * 1024 * 1024;
  const large = Buffer.from(`{"model":"m","text":"${"x".repeat(bytesMax - 23)}"}`);
  expect(large.length).toBe(bytesMax);
  expect((await send(gate, path, { body: large })).status).toBe(200);
  expect(upstream.seen[0]?.body.equals(large)).toBe(true);
  expect(await modelFact(gate)).toMatchObject({ requestBytes: BigInt(bytesMax) });
  const larger = await send(gate, path, { body: Buffer.concat([large, Buffer.from(" ")]) });
  expect([larger.status, larger.headers["x-tollgate-code"]]).toEqual([413, "request.too-large"]);
  expect(larger.json).toMatchObject({ type: "error", error: { type: "request_too_large" } });
});

for (const [encoding, packed] of [
  ["gzip", gzipSync(body)],
  ["deflate", deflateSync(body)],
  ["br", brotliCompressSync(body)],
  ["zstd", zstdCompressSync(body)],
  ["identity", Buffer.from(body)],
] as const)
  test(`a body packed by ${encoding} is read, and goes on plain`, async () => {
    const { upstream, gate } = await scene();
    const headers = { "content-encoding": encoding };
    expect((await send(gate, path, { body: packed, headers })).status).toBe(200);
    expect(upstream.seen[0]?.body.toString()).toBe(sentOn);
    expect(upstream.seen[0]?.headers["content-encoding"]).toBeUndefined();
    expect(await modelFact(gate)).toMatchObject({ requestBytes: BigInt(body.length) });
  });

test("what unpacks to more than a body may have, what is not what it says, and what nobody unpacks is refused", async () => {
  const { upstream, gate } = await scene({ TOLLGATE_MODEL_REQUEST_BYTES_MAX: "1000000" });
  const bomb = gzipSync(Buffer.alloc(10_000_000, " "));
  for (const [encoding, bytes, status, code] of [
    ["gzip", bomb, 413, "request.too-large"],
    ["gzip", Buffer.from(body), 400, "request.invalid"],
    ["compress", Buffer.from(body), 415, "model.encoding-unsupported"],
    ["gzip, br", Buffer.from(body), 415, "model.encoding-unsupported"],
  ] as const) {
    const answer = await send(gate, path, { body: bytes, headers: { "content-encoding": encoding } });
    expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([status, code]);
  }
  expect(upstream.seen).toEqual([]);
});

test("a body for which there is no room beside others is refused for a while, packed or not, and leaves their room alone", async () => {
  const held: SeenRequest[] = [];
  const upstream = started(await startProvider((seen) => void held.push(seen)));
  const gate = await startModelGate([provider("p", upstream.url)], {
    settings: { TOLLGATE_MODEL_BODIES_BYTES_MAX: "300000" },
  });
  const large = JSON.stringify({ model: "p/m", text: "x".repeat(200_000) });
  const first = fixture.open(gate, path, { body: large });
  await until(() => held.length === 1, "the first call to be under way");
  for (const [packed, headers] of [
    [large, {}],
    [gzipSync(large), { "content-encoding": "gzip" }],
  ] as const) {
    const answer = await send(gate, path, { body: packed, headers });
    expect([answer.status, answer.headers["x-tollgate-code"]]).toEqual([503, "model.bodies-full"]);
    expect(answer.headers["retry-after"]).toBe("1");
    expect(answer.json).toMatchObject({ type: "error", error: { type: "overloaded_error" } });
  }
  const small = fixture.open(gate, path, { body });
  await until(() => held.length === 2, "a small call to be under way");
  for (const { response } of held) answerWith(response, "{}");
  for (const answer of [await first, await small]) expect((await bytesOf(answer)).toString()).toBe("{}");
  const after = fixture.open(gate, path, { body: large });
  await until(() => held.length === 3, "there to be room again");
  for (const { response } of held.slice(2)) answerWith(response, "{}");
  expect((await after).statusCode).toBe(200);
});

test("a client that asks whether it may send its body hears that it may, and its question goes no further", async () => {
  const { upstream, gate } = await scene();
  const headers = { "x-api-key": gate.agent.text, expect: "100-continue", "content-length": String(body.length) };
  const sent = request(gate.url + path, { method: "POST", headers, agent: false });
  sent.flushHeaders();
  await once(sent, "continue");
  sent.end(body);
  const [response]: IncomingMessage[] = await once(sent, "response");
  if (response === undefined) throw new Error("no response");
  expect((await bytesOf(response)).toString()).toBe("{}");
  expect(upstream.seen[0]?.headers.expect).toBeUndefined();
});

test("a client that leaves in the middle of its body leaves nothing behind", async () => {
  const { upstream, gate } = await scene();
  const headers = { "x-api-key": gate.agent.text, "content-length": "1000" };
  const sent = request(gate.url + path, { method: "POST", headers, agent: false });
  sent.on("error", () => undefined);
  sent.write('{"model":"p/m"');
  const connections = () =>
    new Promise<number>((resolve) => gate.gate.listener.server.getConnections((_, count) => resolve(count)));
  await until(async () => (await connections()) === 1, "the connection");
  sent.destroy();
  await until(async () => (await connections()) === 0, "it to be gone");
  expect([upstream.seen, gate.facts, gate.intents]).toEqual([[], [], []]);
});

test("a gate that leaves ends the streams that are under way, and refuses what would be cut in the door's words", async () => {
  const upstream = started(
    await startProvider(({ response }) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
    }),
  );
  const gate = await startModelGate([provider("p", upstream.url)]);
  const response = await fixture.open(gate, path, { body });
  // On a connection of before, whose client cannot know.
  const agentless = await keptConnection(gate.url);
  const drained = gate.gate.listener.drain(900);
  const late = await agentless(path);
  expect(late).toContain("HTTP/1.1 503");
  expect(late).toContain("x-tollgate-code: proxy.draining");
  expect(late).toContain('"type":"overloaded_error"');
  upstream.seen[0]?.response.end("data: 2\n\n");
  expect((await bytesOf(response)).toString()).toBe("data: 1\n\ndata: 2\n\n");
  await drained;
});

/** What says one line of HTTP on a connection that was there before, and gives all that comes back. */
async function keptConnection(url: string): Promise<(path: string) => Promise<string>> {
  const { connect } = await import("node:net");
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk) => (text += String(chunk)));
  const ask = async (at: string): Promise<string> => {
    text = "";
    socket.write(`GET ${at} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
    await until(() => text.includes("\r\n\r\n") && text.endsWith("}"), "an answer");
    return text;
  };
  await ask("/healthz");
  return ask;
}
