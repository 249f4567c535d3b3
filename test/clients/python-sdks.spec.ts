// Anthropic's and OpenAI's SDKs for Python at the gate: they share no code with those for JavaScript, read streams by a parser of
// their own, and most programs that call models are built on them. Base URL and key are all that differs from a provider.
import { expect, test } from "vitest";
import type { Reply } from "../../infra/mock-provider/reply.ts";
import { key } from "../../data-plane/proxy/src/fixtures/gate-fixture.ts";
import { describeWith } from "../support/real-part.ts";
import { billed, counted } from "./bill.ts";
import { openModelGate } from "./model-gate.ts";
import { pythonAvailability, runPython } from "./python-sdk.ts";

const runMsMax = 60_000;
const text = "Sunny, 21.5 °C. 🌞";
const sunny: Reply = { content: [{ type: "text", text }], charsPerEvent: 3, eventsPerPing: 2 };
const look: Reply = { content: [{ type: "tool", name: "look", input: { place: "Zürich" } }] };

describeWith(await pythonAvailability(), "the Python SDK", () => {
  test(
    "of Anthropic: messages, streams, tools, counts, lists and errors",
    async () => {
      const models = ["claude/claude-test-5", "weather"];
      await using gate = await openModelGate({ models, aliases: { weather: "claude/claude-test-5" } });
      gate.mock.queueReplies(sunny, sunny, look, sunny);
      const place = { url: `${gate.url}/anthropic`, key: gate.key, strangeKey: key([]).text };
      const told = await runPython({ sdk: "anthropic", ...place });
      const [first] = gate.modelFacts();
      const usage = [Number(first?.inputTokens), Number(first?.outputTokens)];
      expect(told).toMatchObject({
        ...{ plain: text, usage, streamedUsage: usage, places: ["Zürich"], last: text, version: "2.11.0" },
        ...{ tokens: expect.any(Number), models: ["claude-test-5", "weather"] },
        unknownModel: { class: "BadRequestError", status: 400, text: "There is no such model." },
        unknownKey: { class: "AuthenticationError", status: 401 },
      });
      expect(told).toMatchObject({ pieces: ["Sun", "ny,", " 21", ".5 ", "°C.", " 🌞"] });
      expect(first).toMatchObject({ clientName: "Anthropic/Python", clientVersion: "2.11.0" });
      expect(gate.modelFacts()[2]).toMatchObject({ modelAsked: "weather", stopReason: "tool_use" });
      expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
      expect(gate.refusals()).toEqual(["model.unknown", "auth.key-unknown"]);
      expect(gate.changes("/anthropic", { weather: "claude-test-5" })).toEqual([]);
    },
    runMsMax,
  );

  test(
    "of OpenAI: chats, responses, streams, tools, embeddings, lists and errors",
    async () => {
      const models = ["gpt/gpt-test-5", "weather"];
      await using gate = await openModelGate({ models, aliases: { weather: "gpt/gpt-test-5" } });
      gate.mock.queueReplies(sunny, sunny, look, sunny, sunny, {});
      const place = { url: `${gate.url}/openai/v1`, key: gate.key, strangeKey: key([]).text };
      const told = await runPython({ sdk: "openai", ...place });
      const [first, , third] = gate.modelFacts();
      const [callId] = third?.toolUseIds ?? [];
      expect(told).toMatchObject({
        ...{ plain: text, usage: [Number(first?.inputTokens), Number(first?.outputTokens)], usageInStream: 0 },
        ...{ call: [callId, "look", '{"place":"Zürich"}'], response: text, streamed: text },
        ...{ embeddings: [8, 8], models: ["gpt-test-5", "weather"], version: "3.56.0" },
        unknownModel: { class: "NotFoundError", status: 404, code: "model_not_found" },
        unknownKey: { class: "AuthenticationError", status: 401 },
      });
      expect(told).toMatchObject({ pieces: expect.arrayContaining(["Sun", "ny,", " 21", ".5 ", "°C.", " 🌞"]) });
      expect(first).toMatchObject({ clientName: "OpenAI/Python", clientVersion: "3.56.0" });
      expect(counted(gate.modelFacts())).toEqual(billed(gate.mock));
      expect(gate.refusals()).toEqual(["model.unknown", "auth.key-unknown"]);
      // The gate asked for the stream's usage itself; see openai-sdk.spec.ts.
      expect(gate.changes("/openai", { weather: "gpt-test-5" })).toEqual([
        expect.stringContaining("stream_options"),
        expect.stringContaining("answer: "),
      ]);
    },
    runMsMax,
  );
});
