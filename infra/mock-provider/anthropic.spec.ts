// The judge of the mock's Anthropic half is Anthropic's own SDK: what it makes of the answers has to be what the script said,
// and what the mock bills has to be the sum of what the SDK was told. Without it a gate could be measured against a provider
// that exists nowhere.
import Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import { startMockProvider, type MockProvider } from "./provider.ts";
import type { Reply } from "./reply.ts";

const key = "sk-ant-of-a-test";
const clientOf = (provider: MockProvider, apiKey = key) =>
  new Anthropic({ baseURL: provider.url, apiKey, maxRetries: 0 });
const asking = (content: string) => ({
  model: "claude-test-5",
  max_tokens: 4_096,
  messages: [{ role: "user" as const, content }],
});

const everything: Reply = {
  content: [
    { type: "thinking", text: "Let me see what there is to say about it." },
    { type: "web-search", query: "what there is" },
    { type: "text", text: "There is this 🦊 and that, and then something else again." },
    { type: "tool", name: "look", input: { path: "/a", depth: 3 } },
    { type: "tool", name: "look", input: { path: "/b", nested: { is: true } } },
  ],
  usage: { cacheReadTokens: 1_000, cacheWrite5mTokens: 200, cacheWrite1hTokens: 30, serviceTier: "priority" },
};

test("a plain answer and a stream of it are the same message", async () => {
  await using provider = await startMockProvider({ script: () => everything });
  const client = clientOf(provider);
  const plain = await client.messages.create(asking("Go on"));
  const streamed = await client.messages.stream(asking("Go on")).finalMessage();
  expect(plain.content.map(({ type }) => type)).toEqual([
    ...["thinking", "server_tool_use", "web_search_tool_result", "text", "tool_use", "tool_use"],
  ]);
  expect(streamed.content).toEqual(plain.content);
  expect(plain).toMatchObject({ stop_reason: "tool_use", model: "claude-test-5", role: "assistant" });
  expect(plain.usage).toMatchObject({
    cache_read_input_tokens: 1_000,
    cache_creation_input_tokens: 230,
    cache_creation: { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 30 },
    server_tool_use: { web_search_requests: 1 },
    service_tier: "priority",
  });
  expect(streamed.usage).toEqual(plain.usage);
  expect(streamed.id).toMatch(/^msg_01/);
});

test("the bill is the sum of what the SDK was told, and nothing else is in it", async () => {
  await using provider = await startMockProvider({ script: () => everything });
  const client = clientOf(provider);
  await client.messages.countTokens({ model: "claude-test-5", messages: [{ role: "user", content: "How long?" }] });
  const told = [
    await client.messages.create(asking("One")),
    await client.messages.stream(asking("Two")).finalMessage(),
    await client.messages.create({ ...asking("Three"), max_tokens: 3 }),
  ];
  const sum = (of: (usage: Anthropic.Usage) => number) => told.reduce((total, { usage }) => total + of(usage), 0);
  expect(provider.total()).toEqual({
    inputTokens: sum((usage) => usage.input_tokens),
    cacheReadTokens: 3_000,
    cacheWrite5mTokens: 600,
    cacheWrite1hTokens: 90,
    outputTokens: sum((usage) => usage.output_tokens),
    reasoningTokens: sum((usage) => usage.output_tokens_details?.thinking_tokens ?? 0),
    webSearches: sum((usage) => usage.server_tool_use?.web_search_requests ?? 0),
    serviceTier: "",
  });
  expect(told.at(-1)).toMatchObject({ stop_reason: "max_tokens", usage: { output_tokens: 3 } });
  const ids = provider.exchanges.slice(1).map(({ requestId }) => requestId);
  expect(provider.bill().map(({ requestId }) => requestId)).toEqual(ids);
});

test("the same request has the same answer, to the byte", async () => {
  await using provider = await startMockProvider();
  const client = clientOf(provider);
  for (const _ of [1, 2]) await client.messages.create({ ...asking("Do"), stream: true });
  await provider.settled();
  const [first, second] = provider.exchanges;
  expect(first?.sent.toString()).toContain("claude-test-5 heard: Do");
  expect(first !== undefined && second?.sent.equals(first.sent)).toBe(true);
  expect(second?.requestId).not.toBe(first?.requestId);
});

test("a reply is chosen by name, then by the queue, then by the script", async () => {
  const saying = (text: string): Reply => ({ content: [{ type: "text", text }] });
  await using provider = await startMockProvider({
    script: ({ lastUserText }) => saying(`the script: ${lastUserText}`),
  });
  provider.nameReply("mine", saying("by name"));
  provider.queueReplies(saying("first"), saying("second"));
  const client = clientOf(provider);
  const said = [];
  for (const content of ["A", "B [[reply:mine]]", "C", "D"]) {
    const { content: blocks } = await client.messages.create(asking(content));
    said.push(...blocks.map((block) => block.type === "text" && block.text));
  }
  expect(said).toEqual(["first", "by name", "second", "the script: D"]);
  const unknown = client.messages.create(asking("[[reply:nobody's]]"));
  await expect(unknown).rejects.toMatchObject({ status: 400, type: "invalid_request_error" });
});

test("lists its models, counts, greets without a key, and refuses what the real one refuses", async () => {
  await using provider = await startMockProvider({ models: ["claude-a", "claude-b"] });
  const client = clientOf(provider);
  const listed = await client.models.list({ limit: 1_000 });
  expect(listed.data.map(({ id }) => id)).toEqual(["claude-a", "claude-b"]);
  const messages = [{ role: "user" as const, content: "x".repeat(400) }];
  const counted = await client.messages.countTokens({ model: "claude-a", messages });
  const { usage } = await client.messages.create({ model: "claude-a", max_tokens: 1, messages });
  expect(counted).toEqual({ input_tokens: usage.input_tokens });
  for (const method of ["HEAD", "GET"]) {
    const greeting = await fetch(`${provider.url}/api/hello`, { method });
    expect(greeting.status).toBe(200);
    expect(greeting.headers.get("request-id")).toMatch(/^req_/);
  }
  const refused = client.messages.create({ model: "claude-c", max_tokens: 1, messages });
  await expect(refused).rejects.toMatchObject({ status: 404, type: "not_found_error" });
  const versionless = await fetch(`${provider.url}/v1/messages`, { method: "POST", headers: { "x-api-key": key } });
  expect(await versionless.json()).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
  expect(provider.bill()).toHaveLength(1);
});
