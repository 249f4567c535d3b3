// What is read of an answer is what somebody pays and what a budget is charged. The usage blocks are such as Anthropic sends;
// wherever a stream is cut on its way, the same has to be read of it, and nothing that a provider sends may fail a call.

import { nothingUsed } from "@tollgate/kernel/pricing";
import { describe, expect, test, vi } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../../test/support/random.ts";
import { eventsOf, waysToCut } from "../../fixtures/cuts.ts";
import type { AnswerForm, AnswerReading } from "../wire/answer.ts";
import { readAnthropicAnswer } from "./usage.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 60_000 });

const random = seededRandom(seedFromEnv());

/** The same, however it is cut. `isEnded`: HTTP has said that it is all. */
function read(bytes: Buffer, form: AnswerForm, isEnded = false): AnswerReading {
  const [whole, ...others] = waysToCut(bytes, random).map((pieces) => {
    const reader = readAnthropicAnswer(form);
    for (const piece of pieces) reader.push(Buffer.from(piece));
    if (isEnded) reader.end();
    return reader.reading();
  });
  if (whole === undefined) throw new Error("no way to cut it");
  for (const other of others) expect(other).toEqual(whole);
  return whole;
}

const claudeCodeStart =
  '{"type":"message_start","message":{"model":"claude-sonnet-4-5-20250929","id":"msg_01Wdza4KTqEUfUrkuvjv7Vuo","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":2,"cache_creation_input_tokens":31874,"cache_read_input_tokens":4862,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":31874},"output_tokens":4,"service_tier":"standard","inference_geo":"not_available"}}}';

const claudeCode: [string, string][] = [
  ["message_start", claudeCodeStart],
  [
    "content_block_start",
    '{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}',
  ],
  ["ping", '{"type": "ping"}'],
  [
    "content_block_delta",
    '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me \\"see\\""}}',
  ],
  [
    "content_block_delta",
    '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}}',
  ],
  ["content_block_stop", '{"type":"content_block_stop","index":0}'],
  ["content_block_start", '{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}'],
  [
    "content_block_delta",
    '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"I look — now."}}',
  ],
  ["content_block_stop", '{"type":"content_block_stop","index":1}'],
  [
    "content_block_start",
    '{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_01T1x1fJ34qAmk2tNTrN7Up6","name":"Read","input":{}}}',
  ],
  [
    "content_block_delta",
    '{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"file_path\\": \\"/a\\"}"}}',
  ],
  ["content_block_stop", '{"type":"content_block_stop","index":2}'],
  [
    "content_block_start",
    '{"type":"content_block_start","index":3,"content_block":{"id":"toolu_01SecondOne","input":{},"name":"Bash","type":"tool_use"}}',
  ],
  ["content_block_stop", '{"type":"content_block_stop","index":3}'],
  [
    "message_delta",
    '{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":2,"cache_creation_input_tokens":31874,"cache_read_input_tokens":4862,"output_tokens":6021,"iterations":[{"input_tokens":2,"output_tokens":6021,"cache_read_input_tokens":4862,"cache_creation_input_tokens":31874,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":31874},"type":"message"}],"output_tokens_details":{"thinking_tokens":4585}}}',
  ],
  ["message_stop", '{"type":"message_stop"}'],
];

const searching: [string, string][] = [
  [
    "message_start",
    '{"type":"message_start","message":{"id":"msg_01G","type":"message","role":"assistant","model":"claude-opus-4-8","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":2679,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}}}',
  ],
  [
    "content_block_start",
    '{"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"srvtoolu_014hJH82Qum7Td6UV8gDXThB","name":"web_search","input":{}}}',
  ],
  [
    "content_block_start",
    '{"type":"content_block_start","index":2,"content_block":{"type":"web_search_tool_result","tool_use_id":"srvtoolu_014hJH82Qum7Td6UV8gDXThB","content":[{"type":"web_search_result","title":"Weather","url":"x","encrypted_content":"Ev0DCioIAxgCIiQ3","page_age":null}]}}',
  ],
  [
    "message_delta",
    '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":10682,"cache_creation_input_tokens":120,"cache_read_input_tokens":null,"output_tokens":510,"server_tool_use":{"web_search_requests":1}}}',
  ],
  ["message_stop", '{"type":"message_stop"}'],
];

describe("a stream", () => {
  test("of Claude Code's: caches for an hour, reasoning, two tools", () => {
    for (const lineEnd of ["\n", "\r\n", "\r"])
      expect(read(eventsOf(claudeCode, lineEnd), "events")).toEqual({
        usage: {
          inputTokens: 2,
          cacheReadTokens: 4862,
          cacheWrite5mTokens: 0,
          cacheWrite1hTokens: 31874,
          outputTokens: 6021,
          reasoningTokens: 4585,
          webSearches: 0,
          serviceTier: "standard",
        },
        said: { input: true, output: true },
        isComplete: true,
        model: "claude-sonnet-4-5-20250929",
        stopReason: "tool_use",
        toolUseIds: ["toolu_01T1x1fJ34qAmk2tNTrN7Up6", "toolu_01SecondOne"],
        seenOutputBytes: Buffer.byteLength('Let me \\"see\\"I look — now.{\\"file_path\\": \\"/a\\"}'),
        error: "",
        hasServerTools: false,
        otherModels: new Map(),
      });
  });

  test("is read without the types of its events, and with the names of its members in any order", () => {
    const untyped = read(eventsOf(claudeCode.map(([, data]) => ["", data])), "events");
    expect(untyped).toEqual(read(eventsOf(claudeCode), "events"));
    const sorted = claudeCode.map(([type, data]): [string, string] => [
      type,
      JSON.stringify(sortedMembers(JSON.parse(data)), null, 1),
    ]);
    const spread = eventsOf(sorted.map(([type, data]) => [type, data.replaceAll("\n", "\ndata: ")]));
    expect(read(spread, "events")).toEqual(untyped);
  });

  test("with a search says its input again when it has grown", () => {
    const reading = read(eventsOf(searching), "events");
    expect(reading.usage).toEqual({
      ...nothingUsed,
      inputTokens: 10682,
      cacheWrite5mTokens: 120,
      outputTokens: 510,
      webSearches: 1,
    });
    expect(reading.toolUseIds).toEqual([]);
  });

  test("that breaks off behind a search has had it, though nothing was said of it yet", () => {
    const cut = read(eventsOf(searching.slice(0, 2)), "events");
    expect(cut).toMatchObject({ isComplete: false, usage: { inputTokens: 2679, webSearches: 1 }, toolUseIds: [] });
    expect(cut.hasServerTools).toBe(true);
    const own = searching.slice(0, 2).map(([type, data]): [string, string] => [type, data.replace("web_search", "x")]);
    expect(read(eventsOf(own), "events").usage.webSearches).toBe(0);
    // At its end it knows better.
    const last = '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}';
    const unbilled = [...searching.slice(0, 3), ["message_delta", last]] satisfies [string, string][];
    expect(read(eventsOf(unbilled), "events")).toMatchObject({ isComplete: true, usage: { webSearches: 0 } });
  });

  test("that breaks off says how far it came", () => {
    const bytes = eventsOf(claudeCode);
    const cutAt = (mark: string): AnswerReading => read(bytes.subarray(0, bytes.indexOf(mark)), "events");
    const early = cutAt(',"output_tokens":4,');
    expect(early).toMatchObject({
      isComplete: false,
      said: { input: true, output: false },
      usage: { inputTokens: 2, cacheWrite1hTokens: 31874 },
    });
    const late = cutAt("event: message_delta");
    expect(late).toMatchObject({
      isComplete: false,
      said: { input: true, output: false },
      usage: { outputTokens: 4 },
      stopReason: "",
    });
    expect(late.seenOutputBytes).toBe(read(bytes, "events").seenOutputBytes);
    // The number is cut in two: 602 was not said.
    expect(cutAt('1,"iterations"').usage.outputTokens).toBe(4);
    expect(cutAt("event: message_stop").isComplete).toBe(true);
    expect(read(Buffer.alloc(0), "events")).toMatchObject({
      isComplete: false,
      said: { input: false, output: false },
      usage: nothingUsed,
    });
  });

  test("that ends without the empty line behind its last event has come to its end", () => {
    const bytes = eventsOf(claudeCode);
    const whole = read(bytes, "events");
    const upTo = (mark: string) => bytes.subarray(0, bytes.indexOf(mark) - 2);
    expect(read(upTo("event: message_stop"), "events").isComplete).toBe(false);
    for (const ended of [bytes.subarray(0, -2), upTo("event: message_stop")])
      expect(read(ended, "events", true)).toEqual(whole);
    // Its usage is cut, where only the connection ends an answer.
    const cut = bytes.subarray(0, bytes.indexOf('1,"iterations"'));
    expect(read(cut, "events", true)).toMatchObject({ isComplete: false, usage: { outputTokens: 4 } });
  });

  test("may end with an error", () => {
    const bytes = eventsOf([
      ["message_start", claudeCodeStart],
      [
        "error",
        '{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"},"request_id":"req_011CSHoEeqs5C35K2UUqR7Fy"}',
      ],
    ]);
    expect(read(bytes, "events")).toMatchObject({
      isComplete: false,
      error: "overloaded_error",
    });
  });

  test("adds what a compaction used, and keeps an advisor's apart", () => {
    const usage =
      '{"input_tokens":23000,"output_tokens":1000,"iterations":[{"type":"compaction","input_tokens":180000,"output_tokens":3500,"cache_creation":{"ephemeral_1h_input_tokens":7,"ephemeral_5m_input_tokens":5},"cache_creation_input_tokens":12},{"type":"message","input_tokens":23000,"output_tokens":1000},{"type":"advisor_message","model":"claude-opus-4-8","input_tokens":823,"output_tokens":531},{"type":"advisor_message","model":"claude-opus-4-8","input_tokens":1,"output_tokens":2}]}';
    const expected = {
      usage: {
        ...nothingUsed,
        inputTokens: 203_000,
        outputTokens: 4_500,
        cacheWrite5mTokens: 5,
        cacheWrite1hTokens: 7,
      },
      otherModels: new Map([["claude-opus-4-8", { ...nothingUsed, inputTokens: 824, outputTokens: 533 }]]),
    };
    // A list that is said twice is said once; one that is cut off has not been said.
    const delta: [string, string] = ["message_delta", `{"type":"message_delta","delta":{},"usage":${usage}}`];
    const twice = eventsOf([delta, delta]);
    expect(read(twice, "events")).toMatchObject(expected);
    expect(read(twice.subarray(0, twice.length - 40), "events")).toMatchObject(expected);
    expect(read(Buffer.from(`{"content":[],"usage":${usage}}`), "json")).toMatchObject(expected);
  });
});

describe("an answer in one piece", () => {
  test("says all that a stream says", () => {
    const bytes = Buffer.from(
      '{"id":"msg_01Aq9w938a90dw8q","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{"type":"text","text":"\\"usage\\":{\\"input_tokens\\":1}"},{"type":"tool_use","id":"toolu_01A","name":"get","input":{"id":"no","type":"tool_use","usage":{"input_tokens":7}}},{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":2095,"cache_creation_input_tokens":2051,"cache_read_input_tokens":2051,"cache_creation":{"ephemeral_5m_input_tokens":1000,"ephemeral_1h_input_tokens":1051},"output_tokens":503,"server_tool_use":{"web_search_requests":2},"service_tier":"priority","speed":"standard"}}',
    );
    expect(read(bytes, "json")).toMatchObject({
      usage: {
        inputTokens: 2095,
        cacheReadTokens: 2051,
        cacheWrite5mTokens: 1000,
        cacheWrite1hTokens: 1051,
        outputTokens: 503,
        webSearches: 2,
        serviceTier: "priority",
      },
      said: { input: true, output: true },
      isComplete: true,
      model: "claude-haiku-4-5",
      stopReason: "tool_use",
      toolUseIds: ["toolu_01A"],
    });
    expect(read(bytes.subarray(0, -1), "json").isComplete).toBe(false);
  });

  test("may be fast, or an error", () => {
    expect(
      read(
        Buffer.from('{"usage":{"input_tokens":1,"output_tokens":1,"service_tier":"standard","speed":"fast"}}'),
        "json",
      ).usage.serviceTier,
    ).toBe("fast");
    expect(
      read(
        Buffer.from('{"type":"error","error":{"type":"not_found_error","message":"x"},"request_id":"req_1"}'),
        "json",
      ),
    ).toMatchObject({
      error: "not_found_error",
      said: { input: false, output: false },
      isComplete: true,
    });
  });

  test("of any size is not held", () => {
    const reader = readAnthropicAnswer("json");
    const text = Buffer.alloc(1024 * 1024, "x");
    reader.push(Buffer.from('{"content":[{"type":"text","text":"'));
    for (let piece = 0; piece < 100; piece++) reader.push(text);
    reader.push(Buffer.from('"}],"usage":{"input_tokens":5,"output_tokens":6}}'));
    expect(reader.reading()).toMatchObject({ isComplete: true, usage: { inputTokens: 5, outputTokens: 6 } });
  });
});

test("numbers that are none are not taken for some", () => {
  for (const odd of ['"7"', "-1", "0.5", "1e400", "18446744073709551615", "[7]", "true", "{}", "00012x"]) {
    const { usage, said } = read(Buffer.from(`{"usage":{"input_tokens":${odd},"output_tokens":3}}`), "json");
    expect([odd, usage.inputTokens, said.input]).toEqual([odd, 0, false]);
  }
});

test("noise is read without a failure", () => {
  const sound = eventsOf(claudeCode);
  for (let run = 0; run < 300; run++) {
    const noisy = Buffer.from(sound);
    for (let change = 0; change < 1 + random.int(40); change++) noisy[random.int(noisy.length)] = random.int(256);
    read(noisy.subarray(random.int(200)), random.pick(["events", "json"]));
  }
});

function sortedMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedMembers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]): [string, unknown] => [name, sortedMembers(member)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
