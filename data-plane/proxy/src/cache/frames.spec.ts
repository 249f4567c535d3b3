// The cache decides who may call while nobody can be asked. If its file could be changed, cut in the middle or mixed from
// two, whoever has the disk would choose which revocations a proxy has heard of; and if a torn end counted as damage, every
// crash would cost the cache that was made for it.

import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seedFromEnv } from "../../../../test/support/random.ts";
import { cacheKeyBytes, readFrames, saltBytes, writeFrames, type Frame } from "./frames.ts";

const seed = seedFromEnv();
const key = randomBytes(cacheKeyBytes);

type File = { head: Uint8Array; frames: Uint8Array[]; whole: Buffer };

function fileOf(frames: readonly Frame[], by = key): File {
  const writer = writeFrames(by, randomBytes(saltBytes));
  const sealed = frames.map((frame) => writer.next(frame));
  return { head: writer.head, frames: sealed, whole: Buffer.concat([writer.head, ...sealed]) };
}

const some: Frame[] = ["one", "two", "", "four"].map((text, index) => ({ kind: index + 1, bytes: Buffer.from(text) }));
const anyFrames = fc.array(fc.record({ kind: fc.nat(255), bytes: fc.uint8Array({ maxLength: 300 }) }), {
  maxLength: 8,
});
const plain = (frames: readonly Frame[]) => frames.map(({ kind, bytes }) => [kind, Buffer.from(bytes).toString("hex")]);

function read(file: Uint8Array, by = key) {
  const found = readFrames(by, Buffer.from(file));
  return found.outcome === "read" ? plain(found.frames) : found.reason;
}

test("what was written is read, and none of it stands in the file", () => {
  fc.assert(
    fc.property(anyFrames, (frames) => {
      const { whole } = fileOf(frames);
      expect(read(whole)).toEqual(plain(frames));
      for (const { bytes } of frames.filter((frame) => frame.bytes.length > 8))
        expect(whole.includes(bytes)).toBe(false);
    }),
    { seed },
  );
  expect(fileOf(some).whole.equals(fileOf(some).whole)).toBe(false);
});

test("another key is told apart from damage, by the head alone", () => {
  const { whole, head } = fileOf(some);
  expect([read(whole, randomBytes(cacheKeyBytes)), read(head, randomBytes(cacheKeyBytes))]).toEqual([
    "key-wrong",
    "key-wrong",
  ]);
  expect([read(Buffer.alloc(0)), read(head.subarray(1)), read(randomBytes(200))]).toEqual(Array(3).fill("damaged"));
});

test("cut anywhere, everything before the cut is read and the torn frame is dropped", () => {
  const { whole, head, frames } = fileOf(some);
  for (let end = head.length; end < whole.length; end++) {
    let count = 0;
    for (let at = head.length; at + (frames[count]?.length ?? Infinity) <= end; count++)
      at += frames[count]?.length ?? 0;
    expect(read(whole.subarray(0, end)), `cut at ${end}`).toEqual(plain(some.slice(0, count)));
  }
});

test("zeros that a machine without power left at the end are a torn end, too", () => {
  const { head, frames } = fileOf(some);
  for (const zeros of [1, 21, 4096]) {
    const file = Buffer.concat([head, ...frames.slice(0, 2), Buffer.alloc(zeros)]);
    expect(read(file)).toEqual(plain(some.slice(0, 2)));
  }
});

describe("frames that are not where they were written are not believed", () => {
  const { head, frames } = fileOf(some);
  const other = fileOf(some);
  const [one, two, three, four] = frames.map((frame) => [frame]) as [
    Uint8Array[],
    Uint8Array[],
    Uint8Array[],
    Uint8Array[],
  ];

  test.each([
    ["left out in the middle", [...one, ...three, ...four]],
    ["left out at the beginning", [...two, ...three, ...four]],
    ["swapped", [...one, ...three, ...two, ...four]],
    ["repeated", [...one, ...one, ...two, ...three]],
    ["of another file with the same key", [...one, ...other.frames.slice(1)]],
    ["of another file and the same place", [...other.frames]],
  ])("%s", (_, mixed) => {
    expect(read(Buffer.concat([head, ...mixed]))).toBe("damaged");
  });
});

test("whatever is changed, what is read was written, in its order from the beginning", () => {
  const change = fc.record({
    at: fc.nat(),
    byte: fc.nat(255),
    removed: fc.nat(30),
    added: fc.uint8Array({ maxLength: 30 }),
  });
  fc.assert(
    fc.property(anyFrames, fc.array(change, { minLength: 1, maxLength: 3 }), (frames, changes) => {
      let file = fileOf(frames).whole;
      for (const { at, byte, removed, added } of changes) {
        const place = at % (file.length + 1);
        file = Buffer.concat([file.subarray(0, place), added, Buffer.of(byte), file.subarray(place + removed)]);
      }
      const found = read(file);
      if (Array.isArray(found)) expect(found).toEqual(plain(frames).slice(0, found.length));
    }),
    { seed, numRuns: 2_000 },
  );
});

test("arbitrary bytes behind a good head are no frames, and nothing is thrown", () => {
  const { head } = fileOf([]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const found = read(Buffer.concat([head, bytes]));
      expect(found === "damaged" || found.length === 0).toBe(true);
    }),
    { seed, numRuns: 2_000 },
  );
});
