// The answer to a request of the gate is found in whatever pieces it comes, and finding it costs what was sent, not the square
// of it: a server that sends an event a piece would otherwise stop a worker, and with it everybody's calls.

import { expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../../test/support/random.ts";
import { answerReader } from "./sse.ts";

const stream = "text/event-stream; charset=utf-8";
const answer = '{"jsonrpc":"2.0",\n"id":"a","result":{"text":"é ☃"}}';

function readIn(pieces: readonly Buffer[], contentType = stream) {
  const reader = answerReader(contentType, '"a"');
  const enoughAfter = pieces.findIndex((piece) => reader.push(piece));
  return { answer: reader.answer()?.toString(), enoughAfter };
}

const eventOf = (text: string) => [
  "event: message",
  "id: 7",
  ...text.split("\n").map((line) => `data: ${line}`),
  "",
  "",
];
const others = [
  '{"jsonrpc":"2.0","method":"notifications/progress"}',
  '{"jsonrpc":"2.0","id":"b","result":{}}',
  "no JSON",
];

test("an answer is found in an event stream, whatever ends its lines and wherever it is cut", () => {
  const random = seededRandom(seedFromEnv());
  for (const end of ["\n", "\r\n", "\r"])
    for (let run = 0; run < 200; run++) {
      const before = [": a comment", "", ...others.flatMap(eventOf)].join(end);
      const bytes = Buffer.from(before + eventOf(answer).join(end) + eventOf(others[0] ?? "").join(end));
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length;) {
        const length = 1 + random.int(random.pick([1, 3, 40, bytes.length]));
        pieces.push(bytes.subarray(at, at + length));
        at += length;
      }
      expect(readIn(pieces)).toMatchObject({ answer });
    }
});

test("an answer is enough as soon as its event is whole, and one without its last empty line is taken at the end", () => {
  const [whole, later] = [Buffer.from(`data:${answer.replace("\n", "")}\n\n`), Buffer.from(": still open\n")];
  expect(readIn([whole, later]).enoughAfter).toBe(0);
  expect(readIn([whole.subarray(0, -1)])).toEqual({ answer: answer.replace("\n", ""), enoughAfter: -1 });
  expect(readIn([Buffer.from(eventOf(others[1] ?? "").join("\n"))]).answer).toBeUndefined();
});

test("a JSON body is an answer when it is over, in as many pieces as it likes", () => {
  const pieces = [...Buffer.from(answer)].map((byte) => Buffer.from([byte]));
  expect(readIn(pieces, "application/json")).toEqual({ answer, enoughAfter: -1 });
  expect(readIn(pieces.slice(1), "application/json").answer).toBeUndefined();
});

// Quadratic, this reads some hundred gigabytes and runs into the test's time limit.
test("a hundred thousand events, each in a piece of its own, are read once each", () => {
  const piece = Buffer.from(`data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n`);
  const pieces = Array<Buffer>(100_000).fill(piece);
  expect(readIn([...pieces, Buffer.from(eventOf(answer).join("\n"))])).toEqual({ answer, enoughAfter: 100_000 });
});
