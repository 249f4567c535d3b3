// The SDKs that programs are built on, told of budgets by the gate as it is run: they get what they asked for as long as there is
// money, throw what they throw for a used-up quota when there is none, at once, and come again by themselves where calls under way
// only hold what is left. A program that came again and again for a spent budget would wait for nothing, and one that gave up on a
// held one would stop for nothing.
import Anthropic, { RateLimitError as AnthropicRateLimit } from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText } from "ai";
import OpenAI, { RateLimitError as OpenAiRateLimit } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBudgetGate, type BudgetGate, type Spender } from "./budget-gate.ts";

const runMsMax = 60_000;
const ofKey = { of: "key", usd: 100 } as const;
const prompt = "Do what the script says.";
const messages = [{ role: "user" as const, content: prompt }];
/** What the mock says in each protocol to whoever offers it no tools. */
const [ofClaude, ofGpt] = ["An errand", "done"];
const [claude, gpt] = ["claude-sonnet-4-5", "gpt-5"];

type Sdk = {
  readonly name: string;
  readonly answer: string;
  /** The text of an answer. */
  readonly ask: (spender: Spender) => Promise<string>;
  readonly refused: (error: unknown) => void;
};

const quota = { status: 429, code: "insufficient_quota", type: "insufficient_quota" };

const sdks: readonly Sdk[] = [
  {
    name: "@anthropic-ai/sdk",
    answer: ofClaude,
    async ask(spender) {
      const { url, key } = spender.at("/anthropic");
      const client = new Anthropic({ baseURL: url, apiKey: key });
      const { content } = await client.messages.create({ model: claude, max_tokens: 100, messages });
      return content.map((block) => (block.type === "text" ? block.text : "")).join("");
    },
    refused(error) {
      expect(error).toBeInstanceOf(AnthropicRateLimit);
      expect(error).toMatchObject({ status: 429, type: "billing_error" });
    },
  },
  {
    name: "openai",
    answer: ofGpt,
    async ask(spender) {
      const { url, key } = spender.at("/openai/v1");
      const client = new OpenAI({ baseURL: url, apiKey: key });
      return (
        await client.responses.create({
          model: gpt,
          max_output_tokens: 100,
          input: [{ role: "user", content: prompt }],
        })
      ).output_text;
    },
    refused(error) {
      expect(error).toBeInstanceOf(OpenAiRateLimit);
      expect(error).toMatchObject(quota);
    },
  },
];

const statuses = ({ tap }: Spender): number[] => tap.seen.map(({ status }) => status);

const opened = new AsyncDisposableStack();
let gate: BudgetGate;
beforeAll(async () => {
  gate = opened.use(await openBudgetGate());
}, 120_000);
afterAll(() => opened.disposeAsync());

describe.each(sdks)("$name, told of budgets", ({ ask, answer, refused }) => {
  test.each([80, 96])(
    "at %i percent of a budget gets its answer",
    async (usd) => {
      await using spender = await gate.newSpender(ofKey);
      await spender.spend(usd);
      expect(await ask(spender)).toBe(answer);
      expect(statuses(spender)).toEqual([200]);
    },
    runMsMax,
  );

  test(
    "when a budget is spent throws at once what says so, and the provider hears of nothing",
    async () => {
      await using spender = await gate.newSpender(ofKey);
      await spender.spend(100);
      refused(await ask(spender).catch((error: unknown) => error));
      expect([statuses(spender), spender.turns()]).toEqual([[429], 0]);
    },
    runMsMax,
  );

  test(
    "when what is left is only held by other calls comes again by itself, and gets its answer",
    async () => {
      await using spender = await gate.newSpender(ofKey);
      await spender.spend(10);
      expect(await spender.holdUntilRefused(90, () => ask(spender))).toBe(answer);
      expect(statuses(spender)).toEqual([429, 200]);
    },
    runMsMax,
  );
});

test(
  "openai's chat throws at once, too, when a budget is spent",
  async () => {
    await using spender = await gate.newSpender(ofKey);
    await spender.spend(100);
    const { url, key } = spender.at("/openai/v1");
    const client = new OpenAI({ baseURL: url, apiKey: key });
    const asking = client.chat.completions.create({ model: gpt, max_completion_tokens: 100, messages });
    expect(await asking.catch((error: unknown) => error)).toMatchObject(quota);
    expect([statuses(spender), spender.turns()]).toEqual([[429], 0]);
  },
  runMsMax,
);

describe.each([
  [
    "Anthropic",
    (spender: Spender) => place(spender, createAnthropic, "/anthropic/v1")(claude),
    ofClaude,
    "billing_error",
  ],
  ["OpenAI", (spender: Spender) => place(spender, createOpenAI, "/openai/v1")(gpt), ofGpt, "insufficient_quota"],
] as const)("the AI SDK for %s, told of budgets", (_, modelOf, answer, word) => {
  test(
    "gets its answer at 96 percent, and at 100 throws what says that it is spent",
    async () => {
      await using spender = await gate.newSpender(ofKey);
      const ask = () => generateText({ model: modelOf(spender), prompt, maxOutputTokens: 100 });
      await spender.spend(96);
      expect((await ask()).text).toBe(answer);
      await using poor = await gate.newSpender(ofKey);
      await poor.spend(100);
      const failed = await generateText({ model: modelOf(poor), prompt, maxOutputTokens: 100, maxRetries: 0 }).catch(
        (error: unknown) => error,
      );
      if (!APICallError.isInstance(failed)) throw new Error(`it threw ${String(failed)}`);
      expect([failed.statusCode, failed.responseBody?.includes(word)]).toEqual([429, true]);
      expect([statuses(poor), poor.turns()]).toEqual([[429], 0]);
    },
    runMsMax,
  );
});

function place<T>(spender: Spender, create: (at: { baseURL: string; apiKey: string }) => T, path: string): T {
  const { url, key } = spender.at(path);
  return create({ baseURL: url, apiKey: key });
}
