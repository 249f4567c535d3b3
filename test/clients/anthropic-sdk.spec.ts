// Anthropic's own SDK at the gate's door: a program that is built on it is given another base URL and another key, and that is
// all. It gets what the provider says to the byte, its tools run, its errors are the classes that it catches, and what it is told
// of tokens is what stands in the facts.
import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { ModelCallOutcome, UsageBasis } from "@tollgate/schema/usage";
import { describe, expect, test } from "vitest";
import type { Reply } from "../../infra/mock-provider/reply.ts";
import { billed, counted } from "./bill.ts";
import { openModelGate, providerKeys, type ModelGate } from "./model-gate.ts";

const model = "claude-test-5";
const asking = { model, max_tokens: 100, messages: [{ role: "user" as const, content: "What is the weather?" }] };
const sunny: Reply = { content: [{ type: "text", text: "Sunny, 21.5 °C. 🌞" }], charsPerEvent: 3, eventsPerPing: 2 };
const look: Reply = { content: [{ type: "tool", name: "look", input: { place: "Zürich" } }] };

const clientOf = ({ url, key }: ModelGate, path = "/anthropic"): Anthropic =>
  new Anthropic({ baseURL: url + path, apiKey: key });
const failureOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

describe("the Anthropic SDK", () => {
  test.each(["/anthropic", ""])("gets a message and a stream of it, below '%s'", async (path) => {
    await using gate = await openModelGate();
    gate.mock.queueReplies(sunny, sunny);
    const client = clientOf(gate, path);
    const plain = await client.messages.create(asking);
    const pieces: string[] = [];
    const stream = client.messages.stream(asking).on("text", (piece) => pieces.push(piece));
    const streamed = await stream.finalMessage();
    expect(plain.content).toMatchObject([{ type: "text", text: "Sunny, 21.5 °C. 🌞" }]);
    expect(streamed.content).toEqual(plain.content);
    expect(pieces.length).toBeGreaterThan(3);
    const told = { inputTokens: BigInt(plain.usage.input_tokens), outputTokens: BigInt(plain.usage.output_tokens) };
    const client_ = { clientName: "Anthropic/JS", clientVersion: "1.11.0" };
    const call = { ...told, ...client_, door: "anthropic", operation: "messages", stopReason: "end_turn" };
    expect(gate.modelFacts()).toMatchObject([
      { ...call, streamed: false },
      { ...call, streamed: true },
    ]);
    expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
    expect(gate.changes(path)).toEqual([]);
  });

  test("runs tools until the model has its answer, by an alias and with a bearer token", async () => {
    await using gate = await openModelGate({ aliases: { weather: `claude/${model}` } });
    gate.mock.queueReplies(look, sunny);
    const client = new Anthropic({ baseURL: `${gate.url}/anthropic`, authToken: gate.key, apiKey: null });
    const places: unknown[] = [];
    const tool = betaTool({
      ...{ name: "look", description: "Looks out of the window" },
      inputSchema: { type: "object", properties: { place: { type: "string" } }, required: ["place"] },
      run: ({ place }) => `sun in ${String(places.push(place))} place`,
    });
    const last = await client.beta.messages.toolRunner({ ...asking, model: "weather", tools: [tool] });
    expect(last.content).toMatchObject([{ type: "text", text: "Sunny, 21.5 °C. 🌞" }]);
    expect(places).toEqual(["Zürich"]);
    const told = gate.mock.exchanges[1]?.body.toString() ?? "";
    const [first] = gate.modelFacts();
    expect(first).toMatchObject({ modelAsked: "weather", model, stopReason: "tool_use" });
    expect(first?.toolUseIds?.map((id) => told.includes(`"tool_use_id":"${id}"`))).toEqual([true]);
    expect(gate.changes("/anthropic", { weather: model })).toEqual([]);
  });

  test("counts tokens for nothing, and lists and finds the models that its key reaches", async () => {
    const served = { claude: [model, "claude-hidden"] };
    await using gate = await openModelGate({ models: [`claude/${model}`], served });
    const client = clientOf(gate);
    const { input_tokens: tokens } = await client.messages.countTokens({ model, messages: asking.messages });
    expect(tokens).toBeGreaterThan(0);
    const listed: string[] = [];
    for await (const { id } of client.models.list({ limit: 1 })) listed.push(id);
    expect(listed).toEqual([model]);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, type: "model" });
    expect(await failureOf(client.models.retrieve("claude-hidden"))).toBeInstanceOf(Anthropic.APIError);
    expect(gate.modelFacts()).toMatchObject([{ operation: "messages/count_tokens", costNanoUsd: 0n }]);
  });

  test("throws what it throws at the provider's, for a model and for a key that is not there", async () => {
    await using gate = await openModelGate({ models: [`claude/${model}`] });
    const client = clientOf(gate);
    const unknown = await failureOf(client.messages.create({ ...asking, model: "claude-hidden" }));
    expect(unknown).toBeInstanceOf(Anthropic.BadRequestError);
    expect(unknown).toMatchObject({ status: 400, type: "invalid_request_error", requestID: expect.any(String) });
    gate.revoke();
    const revoked = await failureOf(client.messages.stream(asking).finalMessage());
    expect(revoked).toBeInstanceOf(Anthropic.AuthenticationError);
    expect(revoked).toMatchObject({ status: 401, message: expect.stringContaining("The key is not known") });
    expect(gate.tap.seen.map(({ status }) => status)).toEqual([400, 401]);
    expect(gate.refusals()).toEqual(["model.unknown", "auth.key-unknown"]);
    expect(gate.mock.exchanges).toEqual([]);
  });

  test("asks again when the provider is overloaded, as it would there", async () => {
    await using gate = await openModelGate();
    gate.mock.failCredential(providerKeys.claude, { status: 529, errorType: "overloaded_error" }, 1);
    gate.mock.queueReplies(sunny);
    expect(await clientOf(gate).messages.create(asking)).toMatchObject({ stop_reason: "end_turn" });
    expect(gate.modelFacts().map(({ status }) => status)).toEqual([529, 200]);
    expect(gate.changes("/anthropic")).toEqual([]);
  });

  /** A short answer that looks whole would be worse than none. */
  test("is told of a stream that the provider breaks off, and it is counted for no less than is billed", async () => {
    await using gate = await openModelGate();
    gate.mock.queueReplies({ ...sunny, trouble: { cutAfterEvents: 6 } });
    const failure = await failureOf(clientOf(gate).messages.stream(asking).finalMessage());
    expect(failure).toBeInstanceOf(Anthropic.AnthropicError);
    const [bill] = gate.mock.bill();
    const [fact] = gate.modelFacts();
    expect(fact).toMatchObject({ outcome: ModelCallOutcome.PROVIDER_FAILED, basis: UsageBasis.ESTIMATED });
    expect(fact?.inputTokens).toBe(BigInt(bill?.usage.inputTokens ?? -1));
    expect(Number(fact?.outputTokens)).toBeGreaterThanOrEqual(bill?.usage.outputTokens ?? Infinity);
    expect(gate.changes("/anthropic")).toEqual([]);
  });
});
