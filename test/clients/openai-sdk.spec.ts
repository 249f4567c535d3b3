// OpenAI's own SDK at the gate's door: chat, responses and embeddings, with another base URL and another key and nothing else
// changed. What it is told is what the provider says; what the gate has to ask for itself (the usage of a stream) it does not see;
// its errors are the classes that it catches; the tokens in the facts are those of the bill.
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import type { Reply } from "../../infra/mock-provider/reply.ts";
import { billed, counted } from "./bill.ts";
import { openModelGate, type ModelGate } from "./model-gate.ts";

const model = "gpt-test-5";
const aliases = { weather: `gpt/${model}` };
const question = "What is the weather?";
const chat = { model, messages: [{ role: "user" as const, content: question }] };
const sunny: Reply = { content: [{ type: "text", text: "Sunny, 21.5 °C. 🌞" }], charsPerEvent: 3 };
const look: Reply = { content: [{ type: "tool", name: "look", input: { place: "Zürich" } }] };
const parameters = { type: "object", properties: { place: { type: "string" } } };

const clientOf = ({ url, key }: ModelGate, path = "/openai/v1"): OpenAI =>
  new OpenAI({ baseURL: url + path, apiKey: key });
const failureOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

describe("the OpenAI SDK", () => {
  test.each(["/openai/v1", "/v1"])("chats, plain and streamed, below '%s'", async (path) => {
    await using gate = await openModelGate();
    gate.mock.queueReplies(sunny, sunny);
    const client = clientOf(gate, path);
    const plain = await client.chat.completions.create({ ...chat, n: 2 });
    expect(plain.choices.map(({ message }) => message.content)).toEqual(["Sunny, 21.5 °C. 🌞", "Sunny, 21.5 °C. 🌞"]);
    const stream = client.chat.completions.stream({ ...chat, n: 2, stream_options: { include_usage: true } });
    const streamed = await stream.finalChatCompletion();
    expect(streamed.choices.map(({ message }) => message.content)).toEqual([
      "Sunny, 21.5 °C. 🌞",
      "Sunny, 21.5 °C. 🌞",
    ]);
    expect(streamed.usage).toEqual(plain.usage);
    const told = BigInt(plain.usage?.completion_tokens ?? -1);
    const by = { door: "openai", clientName: "OpenAI/JS", clientVersion: "7.59.0" };
    const call = { ...by, operation: "chat/completions", outputTokens: told };
    expect(gate.modelFacts()).toMatchObject([
      { ...call, streamed: false },
      { ...call, streamed: true },
    ]);
    expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
    expect(gate.changes(path)).toEqual([]);
  });

  test("sees no usage in a stream that it asked none of, and it is counted all the same", async () => {
    await using gate = await openModelGate();
    gate.mock.queueReplies(sunny);
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    const stream = await clientOf(gate).chat.completions.create({ ...chat, stream: true });
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Sunny, 21.5 °C. 🌞");
    expect(chunks.filter((chunk) => "usage" in chunk || chunk.choices.length === 0)).toEqual([]);
    expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
    expect(gate.modelFacts()[0]?.outputTokens).toBeGreaterThan(0n);
    // The gate's own question is in the body, and its answer is not in the client's.
    expect(gate.changes("/openai")).toEqual([
      expect.stringContaining(
        'body: at 23: "odel\\":\\"gpt-test-5\\",\\"stream_options\\":{\\"include_usage\\":true},',
      ),
      expect.stringContaining("answer: "),
    ]);
  });

  test.each([false, true])("runs tools in a chat, by an alias, streamed: %s", async (isStreamed) => {
    await using gate = await openModelGate({ aliases });
    gate.mock.queueReplies(look, sunny);
    const places: unknown[] = [];
    const look_ = { name: "look", description: "Looks out of the window", parameters, parse: JSON.parse };
    const toRun = {
      ...look_,
      function: ({ place }: { place: unknown }) => `sun in ${String(places.push(place))} place`,
    };
    const tools = [{ type: "function" as const, function: toRun }];
    const { completions } = clientOf(gate).chat;
    const asked = { ...chat, model: "weather", tools, stream_options: { include_usage: true } };
    const { stream_options: _, ...plain } = asked;
    const run = isStreamed
      ? completions.runTools({ ...asked, stream: true })
      : completions.runTools({ ...plain, stream: false });
    expect(await run.finalContent()).toBe("Sunny, 21.5 °C. 🌞");
    expect(places).toEqual(["Zürich"]);
    const [first] = gate.modelFacts();
    expect(first).toMatchObject({ modelAsked: "weather", model, stopReason: "tool_calls" });
    const told = gate.mock.exchanges[1]?.body.toString() ?? "";
    expect(first?.toolUseIds?.map((id) => told.includes(`"tool_call_id":"${id}"`))).toEqual([true]);
    expect(gate.changes("/openai", { weather: model })).toEqual([]);
  });

  test("gets responses, plain, streamed and with a tool to call", async () => {
    await using gate = await openModelGate({ aliases });
    gate.mock.queueReplies(sunny, sunny, look);
    const { responses } = clientOf(gate);
    const plain = await responses.create({ model: "weather", input: question });
    const streamed = await responses.stream({ model: "weather", input: question }).finalResponse();
    expect([plain.output_text, streamed.output_text]).toEqual(["Sunny, 21.5 °C. 🌞", "Sunny, 21.5 °C. 🌞"]);
    const tools = [{ type: "function" as const, name: "look", parameters, strict: false }];
    const calling = await responses.stream({ model: "weather", input: question, tools }).finalResponse();
    const [callId] = calling.output.flatMap((item) => (item.type === "function_call" ? [item.call_id] : []));
    expect(gate.modelFacts()).toMatchObject([
      { operation: "responses", streamed: false, toolUseIds: [] },
      { operation: "responses", streamed: true, toolUseIds: [] },
      { operation: "responses", streamed: true, toolUseIds: [callId] },
    ]);
    expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
    expect(gate.changes("/openai", { weather: model })).toEqual([]);
  });

  test("gets embeddings, and lists the models that its key reaches", async () => {
    await using gate = await openModelGate({ models: ["gpt/embed-*"], served: { gpt: ["embed-1", "gpt-hidden"] } });
    gate.mock.queueReplies({});
    const client = clientOf(gate);
    const { data, usage } = await client.embeddings.create({ model: "embed-1", input: ["One", "Two"], dimensions: 8 });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
    expect(gate.modelFacts()).toMatchObject([{ operation: "embeddings", inputTokens: BigInt(usage.prompt_tokens) }]);
    expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
    expect(gate.changes("/openai")).toEqual([]);
    const listed = await client.models.list();
    expect(listed.data.map(({ id }) => id)).toEqual(["embed-1"]);
  });

  test("throws what it throws at the provider's, for a model and for a key that is not there", async () => {
    await using gate = await openModelGate({ models: [`gpt/${model}`] });
    const client = clientOf(gate);
    const unknown = await failureOf(client.responses.create({ model: "gpt-hidden", input: question }));
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown).toMatchObject({ code: "model_not_found", requestID: expect.any(String) });
    gate.revoke();
    const revoked = await failureOf(client.chat.completions.create({ ...chat, stream: true }));
    expect(revoked).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(revoked).toMatchObject({ status: 401, message: expect.stringContaining("The key is not known") });
    expect(gate.tap.seen.map(({ status }) => status)).toEqual([404, 401]);
    expect(gate.mock.exchanges).toEqual([]);
  });
});
