// A legacy server may say on the stream of its session what belongs to a call. Without these guarantees its questions would
// reach nobody, or the wrong conversation, and its answers be lost, by chance of what came first.

import { expect, test } from "vitest";
import * as fixture from "../../fixtures/gate-fixture.ts";

const { ask, at, key, server, startGate, startScripted, started, team, until, viewWith } = fixture;

const capabilities = { elicitation: { form: {} } };
const question =
  'data: {"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"Who?","requestedSchema":{}}}\n\n';

type Stream = { open(): void; say(text: string): void };

/** One key at a server whose one tool answers when `finish` is called. */
async function setUp() {
  const calls: fixture.Received[] = [];
  const answers: unknown[] = [];
  const streams: fixture.Received[] = [];
  const scripted = started(
    await startScripted(
      (received) => {
        if (received.method === "GET") return void streams.push(received);
        if (received.method === "tools/call") return void calls.push(received);
        answers.push(JSON.parse(received.body));
        received.response.writeHead(202).end();
      },
      { hasStream: true },
    ),
  );
  const agent = key(["*/*"]);
  const gate = started(await startGate(viewWith([team(), agent.resource, server("s", scripted.url)])));
  const call = (params: object = {}, id = 1, declared: object = capabilities) =>
    ask(gate, agent.text, "tools/call", { name: "s__t", arguments: {}, ...params }, { id, capabilities: declared });
  const stream: Stream = {
    open: () => streams.at(-1)?.response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders(),
    say: (text) => void streams.at(-1)?.response.write(text),
  };
  const finish = (index: number): void => {
    const { body, response } = calls[index] ?? {};
    const id: unknown = JSON.parse(body ?? "{}").id;
    response?.writeHead(200, { "content-type": "application/json" });
    response?.end(JSON.stringify({ jsonrpc: "2.0", id, result: { content: [] } }));
  };
  return { call, calls, answers, streams, stream, finish };
}

test("a question on the session's stream is put to the one call that is under way", async () => {
  const { call, calls, answers, streams, stream, finish } = await setUp();
  const first = call();
  await until(() => streams.length === 1, "the session's stream");
  stream.open();
  await until(() => calls.length === 1, "the call");
  stream.say(question);
  const { json } = await first;
  expect(json).toMatchObject({ result: { resultType: "input_required", inputRequests: { q: { params: {} } } } });
  const inputResponses = { q: { action: "accept", content: { name: "Ada" } } };
  const second = call({ inputResponses, requestState: at(json, "result", "requestState") }, 2);
  await until(() => answers.length === 1, "the answer");
  expect(answers).toEqual([{ jsonrpc: "2.0", id: "q", result: inputResponses.q }]);
  finish(0);
  expect((await second).json).toMatchObject({ id: 2, result: { resultType: "complete", content: [] } });
});

test("what a server wants to know for its session is no question of the call that is under way", async () => {
  const { call, calls, answers, streams, stream, finish } = await setUp();
  const only = call({}, 1, { roots: {}, ...capabilities });
  await until(() => streams.length === 1, "the session's stream");
  stream.open();
  await until(() => calls.length === 1, "the call");
  stream.say('data: {"jsonrpc":"2.0","id":"r","method":"roots/list"}\n\n');
  await until(() => answers.length === 1, "the refusal");
  expect(answers).toMatchObject([{ id: "r", error: { code: -32601 } }]);
  finish(0);
  expect((await only).json).toMatchObject({ result: { content: [] } });
});

test("where several calls are under way nobody is asked, as nobody could say which is meant", async () => {
  const { call, calls, answers, streams, stream, finish } = await setUp();
  const both = [call(), call({}, 2)];
  await until(() => streams.length === 1, "the session's stream");
  stream.open();
  await until(() => calls.length === 2, "both calls");
  stream.say(question);
  await until(() => answers.length === 1, "the refusal");
  expect(answers).toMatchObject([{ id: "q", error: { code: -32601 } }]);
  finish(0);
  finish(1);
  for (const answer of await Promise.all(both)) expect(answer.json).toMatchObject({ result: { content: [] } });
});

test("a session's first calls go out behind its stream, and without it where the server is silent about it", async () => {
  const { call, calls, streams, finish } = await setUp();
  const first = call();
  await until(() => streams.length === 1, "the session's stream");
  expect(calls).toEqual([]);
  // The stream is never opened.
  await until(() => calls.length === 1, "the call");
  finish(0);
  expect((await first).json).toMatchObject({ result: { content: [] } });
});
