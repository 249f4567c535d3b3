// The AI SDK, which many programs are built on, with its providers for Anthropic and OpenAI pointed at the gate: each of the
// three APIs that it speaks, plain and streamed, with a tool that it runs itself. It adds up the tokens that it was told; the facts
// have the same sum.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embedMany, generateText, isStepCount, streamText, tool, type LanguageModel } from "ai";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Reply } from "../../infra/mock-provider/reply.ts";
import { billed, counted } from "./bill.ts";
import { openModelGate, type ModelGate } from "./model-gate.ts";

const sunny: Reply = { content: [{ type: "text", text: "Sunny, 21.5 °C. 🌞" }], charsPerEvent: 3 };
const look: Reply = { content: [{ type: "tool", name: "look", input: { place: "Zürich" } }] };

const anthropicOf = ({ url, key }: ModelGate) => createAnthropic({ baseURL: `${url}/anthropic/v1`, apiKey: key });
const openAiOf = ({ url, key }: ModelGate) => createOpenAI({ baseURL: `${url}/openai/v1`, apiKey: key });

const apis: readonly { api: string; path: string; modelOf: (gate: ModelGate) => LanguageModel }[] = [
  { api: "messages", path: "/anthropic", modelOf: (gate) => anthropicOf(gate)("claude-weather") },
  { api: "chat/completions", path: "/openai", modelOf: (gate) => openAiOf(gate).chat("weather") },
  { api: "responses", path: "/openai", modelOf: (gate) => openAiOf(gate)("weather") },
];
const models = { "claude-weather": "claude-test-5", weather: "gpt-test-5" };
const aliases = { "claude-weather": "claude/claude-test-5", weather: "gpt/gpt-test-5" };

describe.each(apis)("the AI SDK, with $api", ({ api, path, modelOf }) => {
  const asking = (gate: ModelGate, places: string[]) => ({
    ...{ model: modelOf(gate), prompt: "What is the weather?", maxOutputTokens: 100, stopWhen: isStepCount(3) },
    tools: {
      look: tool({
        description: "Looks out of the window",
        inputSchema: z.object({ place: z.string() }),
        execute: async ({ place }) => `sun in ${places.push(place)} place`,
      }),
    },
  });

  test("runs a tool and gets the answer, plain and streamed", async () => {
    await using gate = await openModelGate({ aliases });
    gate.mock.queueReplies(look, sunny, look, sunny);
    const places: string[] = [];
    const plain = await generateText(asking(gate, places));
    const streaming = streamText(asking(gate, places));
    const pieces: string[] = [];
    for await (const piece of streaming.textStream) pieces.push(piece);
    expect([plain.text, pieces.join("")]).toEqual(["Sunny, 21.5 °C. 🌞", "Sunny, 21.5 °C. 🌞"]);
    expect(pieces.length).toBeGreaterThan(3);
    expect(places).toEqual(["Zürich", "Zürich"]);
    const [told, toldStreaming] = [plain.totalUsage, await streaming.totalUsage];
    const facts = gate.modelFacts();
    expect(facts.map(({ operation, streamed }) => [operation, streamed])).toEqual([
      [api, false],
      [api, false],
      [api, true],
      [api, true],
    ]);
    const sum = (what: "inputTokens" | "outputTokens") => facts.reduce((all, fact) => all + Number(fact[what]), 0);
    expect(sum("inputTokens")).toBe((told.inputTokens ?? NaN) + (toldStreaming.inputTokens ?? NaN));
    expect(sum("outputTokens")).toBe((told.outputTokens ?? NaN) + (toldStreaming.outputTokens ?? NaN));
    expect(counted(facts)).toEqual(billed(gate.mock));
    expect(gate.changes(path, models)).toEqual([]);
  });

  test("throws once what cannot heal: a model and a key that are not there", async () => {
    await using gate = await openModelGate();
    const failure = async (): Promise<unknown> => generateText(asking(gate, [])).catch((error: unknown) => error);
    await using bare = await openModelGate({ models: [] });
    const unknown = await generateText(asking(bare, [])).catch((error: unknown) => error);
    expect(APICallError.isInstance(unknown)).toBe(true);
    expect(unknown).toMatchObject({ isRetryable: false, message: expect.stringContaining("There is no such model.") });
    expect(bare.tap.seen).toHaveLength(1);
    gate.revoke();
    const revoked = await failure();
    expect(revoked).toMatchObject({ statusCode: 401, message: expect.stringContaining("The key is not known") });
    expect(gate.tap.seen).toHaveLength(1);
  });
});

test("the AI SDK gets embeddings", async () => {
  await using gate = await openModelGate();
  gate.mock.queueReplies({});
  const { embeddings, usage } = await embedMany({
    model: openAiOf(gate).embedding("text-embedding-3-small"),
    values: ["One", "Two"],
  });
  expect(embeddings).toHaveLength(2);
  expect(gate.modelFacts()).toMatchObject([{ operation: "embeddings", inputTokens: BigInt(usage.tokens) }]);
  expect(gate.changes("/openai")).toEqual([]);
});
