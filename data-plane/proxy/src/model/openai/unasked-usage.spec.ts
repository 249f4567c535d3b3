// The gate asks for the usage of every stream, whether its client did or not. A client that did not must get what it would have
// got without the gate, to the byte: some break on a chunk without choices, and others count what they hash.

import { describe, expect, test, vi } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../../test/support/random.ts";
import { waysToCut } from "../../fixtures/cuts.ts";
import { UnaskedUsage } from "./unasked-usage.ts";

// Other work on the machine makes a test slower, and not wrong.
vi.setConfig({ testTimeout: 60_000 });

const random = seededRandom(seedFromEnv());

/** The same, however it is cut. */
function relayed(text: string): string {
  const [whole, ...others] = waysToCut(Buffer.from(text), random).map((pieces) => {
    const hiding = new UnaskedUsage();
    // The memory that a chunk came in is used again for the next one.
    const sent = pieces.map((piece) => {
      const memory = Buffer.from(piece);
      const part = Buffer.from(hiding.push(memory));
      memory.fill(0x21);
      return part;
    });
    return Buffer.concat([...sent, hiding.end()]).toString("utf8");
  });
  if (whole === undefined) throw new Error("no way to cut it");
  for (const other of others) expect(other).toBe(whole);
  return whole;
}

const head =
  '{"id":"chatcmpl-D0q8","object":"chat.completion.chunk","created":1769092764,"model":"gpt-4o-mini","system_fingerprint":"fp_2"';
const chunkWith = (content: string, usage: string, rest = ""): string =>
  `data: ${head},"choices":[{"index":0,"delta":{"content":${content}},"logprobs":null,"finish_reason":null}]${usage}${rest}}`;
const saying = `data: ${head},"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":20,"total_tokens":31},"obfuscation":"q"}`;

const contents = ['"Hello"', '" \\"usage\\":null,"', '"{}[]é\\\\"', '""', '"usage"', '"\\u2028"'];

describe("a stream whose client did not ask for usage", () => {
  test("is as if nobody had asked", () => {
    for (const lineEnd of ["\n", "\r\n", "\r"]) {
      const stream = (usage: string, last: readonly string[]): string =>
        [
          ": a comment",
          "",
          ...contents.flatMap((content) => [
            chunkWith(content, usage),
            "",
            chunkWith(content, usage, ',"obfuscation":"ZGF"'),
            "",
          ]),
          ...last.flatMap((event) => [event, ""]),
          "data: [DONE]",
          "",
        ]
          .map((line) => line + lineEnd)
          .join("");
      expect(relayed(stream(',"usage":null', [saying]))).toBe(stream("", []));
      expect(relayed(stream(', "usage" : null', [saying]))).toBe(stream("", []));
    }
  });

  test("loses the member wherever it stands", () => {
    const cases: [string, string][] = [
      ['{"usage":null}', "{}"],
      ['{"usage":null,"a":1}', '{"a":1}'],
      ['{ "usage": null, "a": [1] }', '{ "a": [1] }'],
      ['{"a":{"usage":null},"usage":null,"b":[{"usage":null}]}', '{"a":{"usage":null},"b":[{"usage":null}]}'],
      ['{"a":[{"usage":null}],"usage":null}', '{"a":[{"usage":null}]}'],
      [
        '{"choices":[],"prompt_filter_results":[{"x":{}}],"usage":null,"z":"\\""}',
        '{"choices":[],"prompt_filter_results":[{"x":{}}],"z":"\\""}',
      ],
    ];
    for (const [sent, expected] of cases) expect(relayed(`data: ${sent}\n\n`)).toBe(`data: ${expected}\n\n`);
    expect(relayed('data:{"usage":null}\n\n')).toBe("data:{}\n\n");
    expect(relayed('event: x\nid: 1\ndata: {"usage":null,"a":1}\nretry: 5\n\n')).toBe(
      'event: x\nid: 1\ndata: {"a":1}\nretry: 5\n\n',
    );
  });

  test("keeps what is not surely there because of the question", () => {
    const kept = [
      'data: {"a":{"usage":null}}\n\n',
      'data: {"choices":[{"index":0}],"usage":{"prompt_tokens":1}}\n\n',
      'data: {"choices":[{"x_groq":{"usage":{"a":1}}}]}\n\n',
      'data: {"usage":{"prompt_tokens":1}}\n\n',
      'data: {"usage":"null"}\n\n',
      'data: {"\\"usage":null}\n\n',
      'data: {"usage":null,"usage":null}x\n\n',
      'data: {"a":1,\ndata: "usage":null}\n\n',
      "data: [DONE]\n\n",
      "data: \n\ndata\n\n: usage\n\n\n\n",
      'event: "usage":null\n\n',
    ];
    for (const text of kept) expect(relayed(text)).toBe(text);
    expect(relayed(kept.join(""))).toBe(kept.join(""));
  });

  test("that breaks off keeps what came", () => {
    const stream = `${chunkWith('"Hello"', ',"usage":null')}\n\n${saying}\n\ndata: [DONE]\n\n`;
    const first = `${chunkWith('"Hello"', "")}\n\n`;
    for (let length = 0; length < stream.length; length++) {
      const sent = relayed(stream.slice(0, length));
      if (length >= stream.length - "data: [DONE]\n\n".length)
        expect(sent).toBe(first + stream.slice(stream.length - "data: [DONE]\n\n".length, length));
      else if (sent.length > first.length)
        expect(stream.slice(0, length).endsWith(sent.slice(first.length))).toBe(true);
    }
  });

  test("is not held without bound", () => {
    const hiding = new UnaskedUsage();
    const piece = Buffer.alloc(64 * 1024, "x");
    let sent = hiding.push(Buffer.from('data: {"a":"')).length;
    for (let count = 0; count < 64; count++) sent += hiding.push(piece).length;
    expect(sent).toBeGreaterThan(63 * piece.length);
    sent += hiding.push(Buffer.from('","usage":null}\n\n')).length;
    expect(sent).toBe(64 * piece.length + 'data: {"a":"","usage":null}\n\n'.length);
    // The next one is read again.
    expect(hiding.push(Buffer.from('data: {"usage":null}\n\n')).toString("utf8")).toBe("data: {}\n\n");
  });
});

test("noise goes through, the same wherever it is cut", () => {
  const sound = Buffer.from(
    `${chunkWith('"a"', ',"usage":null')}\r\n\r\n${saying}\n\n${chunkWith('"b"', ',"usage":null')}\r\rdata: [DONE]\n\n`,
  );
  for (let run = 0; run < 200; run++) {
    const noisy = Buffer.from(sound);
    for (let change = 0; change < 1 + random.int(20); change++)
      noisy[random.int(noisy.length)] = random.pick([0x0a, 0x0d, 0x22, 0x7b, 0x7d, 0x2c, 0x5c, random.int(128)]);
    relayed(noisy.toString("latin1"));
  }
});
