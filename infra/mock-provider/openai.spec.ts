// The judge of the mock's OpenAI half is OpenAI's own SDK: what it makes of the answers has to be what the script said, and
// what the mock bills has to be the sum of what the SDK was told. Without it a gate could be measured against a provider that
// exists nowhere.
import OpenAI from "openai";
import { expect, test } from "vitest";
import { startMockProvider, type MockProvider } from "./provider.ts";
import type { Reply } from "./reply.ts";

const clientOf = (provider: MockProvider, apiKey = "sk-of-a-test") =>
  new OpenAI({ baseURL: `${provider.url}/v1`, apiKey, maxRetries: 0 });
const model = "gpt-test-5";
const asking = (content: string) => ({ model, messages: [{ role: "user" as const, content }] });

const everything: Reply = {
  content: [
    { type: "thinking", text: "Let me see what there is to say about it." },
    { type: "text", text: "There is this 🦊 and that, and then something else again." },
    { type: "tool", name: "look", input: { path: "/a", depth: 3 } },
    { type: "tool", name: "look", input: { path: "/b", nested: { is: true } } },
  ],
  usage: { cacheReadTokens: 1_000, serviceTier: "priority" },
};

test("a plain completion and a stream of it are the same, for each choice", async () => {
  await using provider = await startMockProvider({ script: () => everything });
  const client = clientOf(provider);
  const plain = await client.chat.completions.create({ ...asking("Go on"), n: 2 });
  const stream = client.chat.completions.stream({ ...asking("Go on"), n: 2, stream_options: { include_usage: true } });
  const streamed = await stream.finalChatCompletion();
  expect(plain.choices.map(({ finish_reason }) => finish_reason)).toEqual(["tool_calls", "tool_calls"]);
  expect(plain.choices[1]?.message).toMatchObject({
    content: "There is this 🦊 and that, and then something else again.",
    tool_calls: [
      { type: "function", function: { name: "look", arguments: '{"path":"/a","depth":3}' } },
      { type: "function", function: { name: "look", arguments: '{"path":"/b","nested":{"is":true}}' } },
    ],
  });
  const said = ({ choices }: OpenAI.ChatCompletion) =>
    choices.map(({ message: { content, tool_calls } }) => ({
      content,
      calls: tool_calls?.map((call) => call.type === "function" && [call.id, call.function.arguments]),
    }));
  expect(said(streamed)).toEqual(said(plain));
  expect(streamed.usage).toEqual(plain.usage);
  expect(plain.usage).toMatchObject({ prompt_tokens_details: { cached_tokens: 1_000 } });
  expect(plain.service_tier).toBe("priority");
});

test("usage is in a stream of chunks only for those who ask for it, and `[DONE]` ends each", async () => {
  await using provider = await startMockProvider();
  const client = clientOf(provider);
  for (const stream_options of [null, { include_usage: true, include_obfuscation: false }]) {
    const chunks = await client.chat.completions.create({ ...asking("Go on"), stream: true, stream_options });
    let usages = 0;
    for await (const { usage } of chunks) if (usage) usages++;
    expect(usages).toBe(stream_options === null ? 0 : 1);
  }
  await provider.settled();
  const [without, with_] = provider.exchanges.map(({ sent }) => sent.toString());
  expect(without).not.toContain('"usage"');
  expect(without).toContain('"obfuscation":"');
  expect(with_).toContain('"usage":null');
  expect(with_).not.toContain("obfuscation");
  for (const sent of [without, with_]) expect(sent).toMatch(/\n\ndata: \[DONE\]\n\n$/);
});

test("a plain response and a stream of it are the same", async () => {
  await using provider = await startMockProvider({
    script: () => ({ ...everything, content: [...(everything.content ?? []), { type: "web-search", query: "foxes" }] }),
    now: () => 1_700_000_000_000,
  });
  const client = clientOf(provider);
  const plain = await client.responses.create({ model, input: "Go on" });
  const streamed = await client.responses.stream({ model, input: "Go on" }).finalResponse();
  const types = ["reasoning", "message", "function_call", "function_call", "web_search_call"];
  expect(plain.output.map(({ type }) => type)).toEqual(types);
  expect(plain).toMatchObject({ status: "completed", output_text: expect.stringContaining("🦊") });
  expect(streamed).toMatchObject({ id: plain.id, usage: plain.usage, output_text: plain.output_text });
  expect(streamed.output).toMatchObject(plain.output);
});

test("the bill is the sum of what the SDK was told, and nothing else is in it", async () => {
  await using provider = await startMockProvider({ script: () => everything, models: [model, "embed"] });
  const client = clientOf(provider);
  const listed = await client.models.list();
  expect(listed.data.map(({ id }) => id)).toEqual([model, "embed"]);
  const chat = await client.chat.completions.create({ ...asking("One"), n: 3, max_completion_tokens: 4 });
  const response = await client.responses.create({ model, input: [{ role: "user", content: "Two" }] });
  const embeddings = await client.embeddings.create({ model: "embed", input: ["Three", "and four"], dimensions: 8 });
  expect(embeddings.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
  expect(chat.choices[2]).toMatchObject({ finish_reason: "length" });
  expect(chat.usage).toMatchObject({ completion_tokens: 12, completion_tokens_details: { reasoning_tokens: 12 } });
  const told = [chat.usage?.prompt_tokens, response.usage?.input_tokens, embeddings.usage.prompt_tokens];
  const { inputTokens, cacheReadTokens, outputTokens } = provider.total();
  expect(cacheReadTokens).toBe(3_000);
  expect(inputTokens + cacheReadTokens).toBe(told.reduce<number>((sum, tokens) => sum + (tokens ?? 0), 0));
  expect(outputTokens).toBe(12 + (response.usage?.output_tokens ?? 0));
  expect(provider.bill()[0]?.requestId).toBe(chat._request_id);
});
