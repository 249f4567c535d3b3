// What is read of an answer is what somebody pays and what a budget is charged. The usage blocks are such as OpenAI and
// providers of its protocol send; wherever a stream is cut on its way, the same has to be read of it, and nothing that a
// provider sends may fail a call.

import { nothingUsed } from "@tollgate/kernel/pricing";
import { describe, expect, test, vi } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../../test/support/random.ts";
import { eventsOf, waysToCut } from "../../fixtures/cuts.ts";
import type { AnswerForm, AnswerReading } from "../wire/answer.ts";
import type { BodyOperation } from "../wire/request.ts";
import { readOpenAiAnswer } from "./usage.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 60_000 });

const random = seededRandom(seedFromEnv());

/** The same, however it is cut. `isEnded`: HTTP has said that it is all. */
function read(
  bytes: Buffer | string,
  form: AnswerForm,
  operation: BodyOperation = "chat/completions",
  isEnded = false,
): AnswerReading {
  const [whole, ...others] = waysToCut(Buffer.from(bytes), random).map((pieces) => {
    const reader = readOpenAiAnswer(operation, form);
    for (const piece of pieces) reader.push(Buffer.from(piece));
    if (isEnded) reader.end();
    return reader.reading();
  });
  if (whole === undefined) throw new Error("no way to cut it");
  for (const other of others) expect(other).toEqual(whole);
  return whole;
}

const chunk = (rest: string): [string, string] => [
  "",
  `{"id":"chatcmpl-D0q8CZXN1uEzngZGkU7FuV92lnXWq","object":"chat.completion.chunk","created":1769092764,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_29330a9688",${rest}}`,
];
const delta = (inner: string): [string, string] =>
  chunk(
    `"choices":[{"index":0,"delta":${inner},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"ZGF"`,
  );

const done: [string, string] = ["", "[DONE]"];
const chat = [
  delta('{"role":"assistant","content":"","refusal":null}'),
  delta('{"content":"Héllo\\n"}'),
  delta(
    '{"tool_calls":[{"index":0,"id":"call_DdmO9pD3xa9XTPNJ32zg2hcA","type":"function","function":{"name":"get","arguments":""}}]}',
  ),
  delta('{"tool_calls":[{"index":0,"function":{"arguments":"{\\"a"}}]}'),
  delta('{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"get","arguments":"{}"}}]}'),
  chunk(
    '"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}],"usage":null,"obfuscation":"a"',
  ),
  chunk(
    '"choices":[],"usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":256,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"obfuscation":"x"',
  ),
  done,
];

describe("chat", () => {
  test("in a stream says what it used at its end", () => {
    for (const lineEnd of ["\n", "\r\n", "\r"])
      expect(read(eventsOf(chat, lineEnd), "events")).toEqual({
        usage: {
          ...nothingUsed,
          inputTokens: 86,
          cacheReadTokens: 1920,
          outputTokens: 300,
          reasoningTokens: 256,
          serviceTier: "default",
        },
        said: { input: true, output: true },
        isComplete: true,
        model: "gpt-4o-mini-2024-07-18",
        stopReason: "tool_calls",
        toolUseIds: ["call_DdmO9pD3xa9XTPNJ32zg2hcA", "call_2"],
        seenOutputBytes: Buffer.byteLength('Héllo\\n{\\"a{}'),
        error: "",
        hasServerTools: false,
        otherModels: new Map(),
      });
  });

  test("that breaks off, or ends without usage, has not said it", () => {
    const broken = read(eventsOf(chat.slice(0, 3)), "events");
    expect(broken).toMatchObject({
      isComplete: false,
      said: { input: false, output: false },
      usage: { inputTokens: 0 },
    });
    const unsaid = read(eventsOf([...chat.slice(0, 6), done]), "events");
    expect(unsaid).toMatchObject({ isComplete: true, said: { input: false, output: false }, stopReason: "tool_calls" });
    const failed = read(
      eventsOf([chat[0] ?? done, ["", '{"error":{"message":"x","type":"server_error","param":null,"code":null}}']]),
      "events",
    );
    expect(failed).toMatchObject({ isComplete: false, error: "server_error" });
  });

  test("that ends without a mark, or without the empty line behind it, has come to its end where it said what it used", () => {
    const ended = (bytes: Buffer) => read(bytes, "events", "chat/completions", true);
    const whole = read(eventsOf(chat), "events");
    const unmarked = eventsOf(chat.slice(0, -1));
    expect(read(unmarked, "events").isComplete).toBe(false);
    for (const bytes of [unmarked, unmarked.subarray(0, -1), unmarked.subarray(0, -2), eventsOf(chat).subarray(0, -2)])
      expect(ended(bytes)).toEqual(whole);
    // Cut in the middle of what it used, where only the connection ends an answer.
    expect(ended(unmarked.subarray(0, -3))).toMatchObject({ isComplete: false });
    for (const events of [2, 6]) expect(ended(eventsOf(chat.slice(0, events)))).toMatchObject({ isComplete: false });
  });

  test("in one piece says the same", () => {
    const body =
      '{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-5.6","choices":[{"index":0,"message":{"role":"assistant","content":"\\"usage\\":{\\"prompt_tokens\\":1}","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":2600,"completion_tokens":10,"total_tokens":2610,"prompt_tokens_details":{"cached_tokens":2000,"cache_write_tokens":400}},"service_tier":"priority"}';
    expect(read(body, "json")).toMatchObject({
      usage: {
        ...nothingUsed,
        inputTokens: 200,
        cacheReadTokens: 2000,
        cacheWrite5mTokens: 400,
        outputTokens: 10,
        serviceTier: "priority",
      },
      said: { input: true, output: true },
      isComplete: true,
      toolUseIds: ["call_1"],
    });
    expect(read(body.slice(0, -1), "json").isComplete).toBe(false);
  });

  test("of other providers is read by their totals and names", () => {
    const usageOf = (usage: string) => read(`{"choices":[],"usage":${usage}}`, "json").usage;
    // Reasoning beside the output, as xAI counts it.
    expect(
      usageOf(
        '{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}',
      ),
    ).toMatchObject({
      inputTokens: 32,
      outputTokens: 103,
      reasoningTokens: 94,
    });
    expect(
      usageOf(
        '{"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36}',
      ),
    ).toMatchObject({
      inputTokens: 36,
      cacheReadTokens: 64,
    });
    // Never fewer than none.
    expect(
      usageOf(
        '{"prompt_tokens":10,"completion_tokens":7,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":50,"cache_write_tokens":50}}',
      ),
    ).toMatchObject({
      inputTokens: 0,
      cacheReadTokens: 10,
      cacheWrite5mTokens: 0,
      outputTokens: 7,
    });
  });

  test("as embeddings has an input alone", () => {
    const body = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[${"-0.0069292834,".repeat(500)}1e-9]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}`;
    expect(read(body, "json", "embeddings")).toMatchObject({
      usage: { ...nothingUsed, inputTokens: 8 },
      said: { input: true, output: true },
      isComplete: true,
      model: "text-embedding-3-small",
    });
  });
});

const usage =
  '{"input_tokens":3438,"input_tokens_details":{"cached_tokens":3423,"cache_write_tokens":12},"output_tokens":128,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":3566}';
const output =
  '[{"id":"rs_1","type":"reasoning","summary":[]},{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"x"}},{"id":"ws_2","type":"web_search_call","status":"completed","action":{"type":"open_page","url":"y"}},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\\"type\\":\\"function_call\\"}","status":"completed"},{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"Hi \\"usage\\""}]}]';
const response = (status: string, rest: string): string =>
  `{"id":"resp_1","object":"response","created_at":1768560502,"status":"${status}","error":null,"incomplete_details":null,"instructions":"${"x".repeat(3_000)}","model":"gpt-5.6-2026-08-01","tools":[{"type":"function","name":"usage","parameters":{"usage":{"input_tokens":1}}}],"service_tier":"default",${rest}}`;

const responses: [string, string][] = [
  [
    "response.created",
    `{"type":"response.created","response":${response("in_progress", '"output":[],"usage":null')},"sequence_number":0}`,
  ],
  [
    "response.in_progress",
    `{"type":"response.in_progress","response":${response("in_progress", '"output":[],"usage":null')},"sequence_number":1}`,
  ],
  [
    "response.output_item.added",
    '{"type":"response.output_item.added","output_index":1,"item":{"id":"ws_1","type":"web_search_call","status":"in_progress"},"sequence_number":2}',
  ],
  [
    "response.output_item.done",
    '{"type":"response.output_item.done","output_index":1,"item":{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"x"}},"sequence_number":3}',
  ],
  [
    "response.output_item.added",
    '{"type":"response.output_item.added","output_index":3,"item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_1","name":"f"},"sequence_number":4}',
  ],
  [
    "response.function_call_arguments.delta",
    '{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":3,"delta":"{\\"t","sequence_number":5,"obfuscation":"BC"}',
  ],
  [
    "response.function_call_arguments.done",
    '{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":3,"arguments":"{\\"t","sequence_number":6}',
  ],
  [
    "response.output_text.delta",
    '{"type":"response.output_text.delta","item_id":"msg_1","output_index":4,"content_index":0,"delta":"Hi","logprobs":[],"sequence_number":7}',
  ],
];

describe("responses", () => {
  const expected = {
    usage: {
      ...nothingUsed,
      inputTokens: 3,
      cacheReadTokens: 3423,
      cacheWrite5mTokens: 12,
      outputTokens: 128,
      reasoningTokens: 64,
      webSearches: 1,
      serviceTier: "default",
    },
    said: { input: true, output: true },
    isComplete: true,
    model: "gpt-5.6-2026-08-01",
    stopReason: "completed",
    toolUseIds: ["call_1"],
    error: "",
  };

  test("in a stream are whole in its last event", () => {
    const last: [string, string] = [
      "response.completed",
      `{"type":"response.completed","response":${response("completed", `"output":${output},"usage":${usage}`)},"sequence_number":9}`,
    ];
    expect(read(eventsOf([...responses, last]), "events", "responses")).toMatchObject({
      ...expected,
      seenOutputBytes: 6,
    });
    expect(read(eventsOf([last]), "events", "responses")).toMatchObject(expected);
    const unended = eventsOf([...responses, last]).subarray(0, -2);
    expect(read(unended, "events", "responses").isComplete).toBe(false);
    expect(read(unended, "events", "responses", true)).toMatchObject(expected);
    expect(read(unended.subarray(0, -1), "events", "responses", true).isComplete).toBe(false);
    const told = last[1].replace('"service_tier"', '"tool_usage":{"web_search":{"num_requests":3}},"service_tier"');
    expect(read(eventsOf([["", told]]), "events", "responses").usage.webSearches).toBe(3);
  });

  test("that break off have asked for calls all the same", () => {
    expect(read(eventsOf(responses), "events", "responses")).toMatchObject({
      isComplete: false,
      said: { input: false, output: false },
      toolUseIds: ["call_1"],
      hasServerTools: true,
      usage: { webSearches: 1 },
      stopReason: "",
      model: "gpt-5.6-2026-08-01",
    });
  });

  test("that are incomplete or fail say why", () => {
    const incomplete = response("incomplete", `"output":[],"usage":${usage}`).replace(
      '"incomplete_details":null',
      '"incomplete_details":{"reason":"max_output_tokens"}',
    );
    expect(
      read(
        eventsOf([["response.incomplete", `{"type":"response.incomplete","response":${incomplete}}`]]),
        "events",
        "responses",
      ),
    ).toMatchObject({ isComplete: true, stopReason: "max_output_tokens", said: { output: true } });
    const failed = response("failed", '"output":[],"usage":null').replace(
      '"error":null',
      '"error":{"code":"rate_limit_exceeded","message":"x"}',
    );
    expect(
      read(eventsOf([["response.failed", `{"type":"response.failed","response":${failed}}`]]), "events", "responses"),
    ).toMatchObject({ isComplete: true, stopReason: "failed", error: "rate_limit_exceeded", said: { output: false } });
    expect(
      read(
        eventsOf([["error", '{"type":"error","code":"ERR_SOMETHING","message":"x","param":null,"sequence_number":1}']]),
        "events",
        "responses",
      ),
    ).toMatchObject({ isComplete: false, error: "ERR_SOMETHING" });
  });

  test("in one piece say the same", () => {
    const body = response("completed", `"output":${output},"usage":${usage}`);
    expect(read(body, "json", "responses")).toMatchObject(expected);
    expect(read(body.slice(0, -3), "json", "responses").isComplete).toBe(false);
    // What runs on without the client has not used anything yet.
    expect(read(response("queued", '"output":[],"usage":null'), "json", "responses")).toMatchObject({
      isComplete: false,
      said: { output: false },
    });
    expect(
      read(
        '{"error":{"message":"x","type":"invalid_request_error","param":"model","code":"model_not_found"}}',
        "json",
        "responses",
      ),
    ).toMatchObject({ error: "model_not_found" });
  });
});

test("noise is read without a failure", () => {
  const sound = [eventsOf(chat), eventsOf(responses)];
  for (let run = 0; run < 60; run++) {
    const noisy = Buffer.from(random.pick(sound));
    for (let change = 0; change < 1 + random.int(40); change++) noisy[random.int(noisy.length)] = random.int(256);
    read(
      noisy.subarray(random.int(200)),
      random.pick(["events", "json"]),
      random.pick(["chat/completions", "responses", "embeddings"]),
    );
  }
});
