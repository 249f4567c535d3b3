// Messages come in whatever pieces sockets and pipes like. Cut at the wrong place, one message becomes two that mean
// something else; and whoever writes byte by byte must not cost more than the bytes.

import { expect, test } from "vitest";
import { seededRandom, seedFromEnv, type SeededRandom } from "../../../../test/support/random.ts";
import type { Oversized } from "./channel.ts";
import { EventReader } from "./event-reader.ts";
import { LineReader } from "./line-reader.ts";
import { ownerOf } from "./message.ts";

const bytesMax = 200;

function cut(bytes: Buffer, random: SeededRandom): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = 1 + random.int(random.pick([1, 5, 60, bytes.length]));
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

const textFrom = (random: SeededRandom) =>
  Array.from({ length: random.int(random.pick([3, 150])) }, () => random.pick(["a", "é", "☃", '"', " ", "{"])).join("");

function readLines(pieces: readonly Buffer[]) {
  const messages: string[] = [];
  const oversized: Oversized[] = [];
  const events = {
    onMessage: (message: Buffer) => void messages.push(message.toString("utf8")),
    onOversized: (ends: Oversized) => void oversized.push(ends),
  };
  const reader = new LineReader(events, bytesMax);
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return { messages, oversized };
}

function readEvents(pieces: readonly Buffer[]) {
  const read: [string, string | Oversized][] = [];
  const reader = new EventReader(
    (type, data) => void read.push([type, Buffer.isBuffer(data) ? data.toString("utf8") : data]),
    bytesMax,
  );
  for (const piece of pieces) reader.push(piece);
  return read;
}

test("lines come whole, wherever they are cut, and too long ones leave both ends", () => {
  const random = seededRandom(seedFromEnv());
  for (let run = 0; run < 500; run++) {
    const lines = Array.from({ length: random.int(8) }, () => textFrom(random));
    const end = random.pick(["\n", "\r\n", "\n\n"]);
    const { messages, oversized } = readLines(cut(Buffer.from(lines.join(end)), random));
    const fits = (line: string) => Buffer.byteLength(line + (end === "\r\n" ? "\r" : "")) <= bytesMax;
    // The last line has no end.
    const kept = lines.filter(
      (line, n) => line !== "" && (fits(line) || (n === lines.length - 1 && Buffer.byteLength(line) <= bytesMax)),
    );
    expect(messages).toEqual(kept);
    expect(oversized).toHaveLength(lines.filter((line) => line !== "").length - kept.length);
  }
});

test("events come whole, whatever ends their lines and wherever they are cut", () => {
  const random = seededRandom(seedFromEnv());
  for (let run = 0; run < 500; run++) {
    const end = random.pick(["\n", "\r\n", "\r"]);
    const events = Array.from({ length: 1 + random.int(6) }, () => ({
      type: random.pick(["message", "endpoint"]),
      lines: Array.from({ length: 1 + random.int(2) }, () => textFrom(random).slice(0, 30)),
    }));
    const text = events.flatMap(({ type, lines }) => [
      ": a comment",
      ...(type === "message" && random.chance(0.5) ? [] : [`event: ${type}`]),
      "id: 7",
      ...lines.map((line) => `data: ${line}`),
      "",
      "",
    ]);
    const read = readEvents(cut(Buffer.from(text.join(end)), random));
    expect(read).toEqual(events.map(({ type, lines }) => [type, lines.join("\n")]));
  }
});

test("an event that is too long leaves both ends, in one line or in many", () => {
  const long = `{"jsonrpc":"2.0","id":7,"result":"${"x".repeat(2 * bytesMax)}"}`;
  const [one, many, next] = readEvents([
    Buffer.from(
      `: ${long}\n\ndata: ${long}\n\ndata: ${long.slice(0, bytesMax)}\ndata: ${long.slice(bytesMax)}\n\ndata: {}\n\n`,
    ),
  ]);
  for (const event of [one, many])
    expect(event).toMatchObject(["message", { head: expect.stringMatching(/^\{"json/) }]);
  expect(next).toEqual(["message", "{}"]);
});

test("a million pieces of one byte are read in linear time", () => {
  const piece = Buffer.from("a");
  const reader = new LineReader({ onMessage: () => undefined, onOversized: () => undefined }, 10_000_000);
  for (let n = 0; n < 1_000_000; n++) reader.push(piece);
  reader.push(Buffer.from("\n"));
});

test("whose answer a long message is, is read off its ends where nothing else can stand there", () => {
  const ends = (text: string) => ({ head: text.slice(0, 256), tail: text.slice(-256) });
  const pad = "z".repeat(1_000);
  const cases: [string, ReturnType<typeof ownerOf>][] = [
    [`{"jsonrpc":"2.0","id":12,"result":"${pad}"}`, 12],
    [` { "id" : 12 , "result":"${pad}"}`, 12],
    [`{"result":"${pad}","jsonrpc":"2.0","id":3}`, 3],
    [`{"result":"${pad}","id":3,"jsonrpc":"2.0"} `, 3],
    [`{"jsonrpc":"2.0","method":"x","params":"${pad}","id":3}`, "not-an-answer"],
    [`{"result":{"a":"${pad}","id":3}}`, undefined],
    [`{"result":"${pad} ,\\"id\\":3}"}`, undefined],
    [`{"result":{"id":3,"a":"${pad}"}}`, undefined],
    [pad, undefined],
  ];
  for (const [text, owner] of cases)
    expect([text.slice(0, 40), ownerOf(ends(text))]).toEqual([text.slice(0, 40), owner]);
});
