// What the spool promises over crashes and its bound: whole records are read and nothing else, and what is gone is said.
import fc from "fast-check";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { seededRandom, seedFromEnv } from "../../../../test/support/random.ts";
import { createFactWriter } from "./fact-writer.ts";
import { boundSpool, epochPath, listSegments, removeEpoch, segmentPath, trimEpoch } from "./spool-file.ts";
import { openEpochReader } from "./spool-reader.ts";
import {
  everything,
  factsIn,
  linkAtEnd,
  named,
  readAll,
  recordsOf,
  testKey,
  writeSegment as write,
} from "./spool.fixture.ts";

const epoch = 7n;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tollgate-spool-"));
  mkdirSync(epochPath(directory, epoch));
});

afterEach(() => rmSync(directory, { recursive: true }));

function writeSegment(firstSeq: bigint, count: number): Uint8Array[] {
  return write(directory, epoch, firstSeq, count);
}

function read(after = 0n, bound = everything): string[] {
  return named(readAll(directory, epoch, after, bound));
}

function span(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);
}

test("a file cut at any byte reads as exactly its whole records: a crash costs the torn fact and no other", () => {
  const records = writeSegment(1n, 12);
  const whole = readFileSync(segmentPath(directory, epoch, 1n));
  let wholeRecords = 0;
  let end = 0;
  for (let length = 0; length <= whole.length; length++) {
    while (wholeRecords < records.length && end + (records[wholeRecords]?.length ?? 0) <= length) {
      end += records[wholeRecords]?.length ?? 0;
      wholeRecords += 1;
    }
    writeFileSync(segmentPath(directory, epoch, 1n), whole.subarray(0, length));
    expect(read()).toEqual(span(1, Math.max(0, wholeRecords - 1)));
  }
  // What the segment begins with is the first.
  expect(wholeRecords).toBe(13);
});

test("a byte changed anywhere, or zeros where the power went, never become a fact", () => {
  writeSegment(1n, 12);
  const path = segmentPath(directory, epoch, 1n);
  const whole = readFileSync(path);
  const good = new Set(span(1, 12));
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      writeFileSync(path, damaged);
      const found = read();
      expect(found.length).toBeLessThan(12);
      for (const fact of found) expect(good).toContain(fact);
    }),
  );
  writeFileSync(path, whole);
  appendFileSync(path, new Uint8Array(4096));
  expect(read()).toEqual(span(1, 12));
});

test("a torn segment that has a successor is followed by the loss of what it should have held", () => {
  const records = writeSegment(1n, 10);
  writeSegment(11n, 3);
  const kept = Buffer.concat(records.slice(0, 7));
  writeFileSync(segmentPath(directory, epoch, 1n), Buffer.concat([kept, new Uint8Array([1, 2, 3])]));
  expect(read()).toEqual([...span(1, 6), "lost 7-10", ...span(11, 13)]);
});

test("reading goes on anywhere, in any portions, and gives the same sequence", () => {
  writeSegment(1n, 10);
  writeSegment(15n, 5);
  writeSegment(20n, 4);
  const expected = [...span(1, 10), "lost 11-14", ...span(15, 23)];
  fc.assert(
    fc.property(fc.array(fc.record({ facts: fc.integer({ min: 1, max: 9 }), rewind: fc.boolean() })), (portions) => {
      const reader = openEpochReader(directory, epoch, () => 5);
      let after = 0n;
      let seen: string[] = [];
      for (const { facts: factsMax, rewind } of [...portions, { facts: 100, rewind: false }]) {
        if (rewind) {
          after = 0n;
          seen = [];
        }
        for (let more = true; more; more = factsMax === 100 && after < 23n) {
          const stretch = reader.read(after, { factsMax, bytesMax: 1_000_000 });
          if (stretch === undefined) break;
          expect(stretch.facts.length).toBeLessThanOrEqual(factsMax);
          expect(stretch.first).toBe(after + 1n);
          seen.push(...named(factsIn(stretch)));
          after = stretch.last;
        }
      }
      expect(seen).toEqual(expected);
    }),
  );
  expect(openEpochReader(directory, epoch, () => 5).lastSeq()).toBe(23n);
});

test("how far an epoch goes is the same for who has read of it, however far, and for who has not", () => {
  const random = seededRandom(seedFromEnv());
  const bytes = [1n, 8n].map((firstSeq) => {
    writeSegment(firstSeq, 7);
    const path = segmentPath(directory, epoch, firstSeq);
    const whole = readFileSync(path);
    rmSync(path);
    return { path, whole };
  });
  for (let round = 0; round < 50; round++) {
    const reader = openEpochReader(directory, epoch, () => 5);
    let after = 0n;
    for (const { path, whole } of bytes) {
      for (let length = 0; length < whole.length;) {
        length = Math.min(whole.length, length + 1 + random.int(200));
        writeFileSync(path, whole.subarray(0, length));
        if (random.chance(0.6))
          after = reader.read(after, { ...everything, factsMax: 1 + random.int(4) })?.last ?? after;
        if (random.chance(0.3)) continue;
        const fresh = openEpochReader(directory, epoch, () => 5);
        const last = reader.lastSeq();
        expect(last).toBe(fresh.lastSeq());
        const link = fresh.linkAt(last);
        // Of a segment that has not said its first word yet, who has read the one before knows more.
        if (link !== undefined) expect(reader.linkAt(last)).toEqual(link);
      }
    }
    for (const { path } of bytes) rmSync(path);
  }
});

test("a segment that was written anew under its name is read from its beginning, shorter or longer than it was", () => {
  writeSegment(1n, 6);
  const whole = readFileSync(segmentPath(directory, epoch, 1n));
  // Of what was there before the disk refused it, something else of any length: here the calls then under way.
  for (let intents = 0; intents < 60; intents++) {
    const writer = createFactWriter(testKey);
    const former = writer.opening(Array.from({ length: intents }, (_, nth) => ({ requestId: `${nth}` })));
    writeFileSync(segmentPath(directory, epoch, 1n), former);
    const reader = openEpochReader(directory, epoch, () => 5);
    expect([reader.read(0n, everything), reader.lastSeq()]).toEqual([undefined, 0n]);
    writeFileSync(segmentPath(directory, epoch, 1n), whole);
    expect(reader.lastSeq()).toBe(6n);
    expect(named(factsIn(reader.read(0n, everything) ?? { facts: [] }))).toEqual(span(1, 6));
  }
});

test("what was handed out is counted, and handed out once, also where the disk refused the rest of its write", () => {
  writeSegment(1n, 6);
  const path = segmentPath(directory, epoch, 1n);
  const whole = readFileSync(path);
  const reader = openEpochReader(directory, epoch, () => 5);
  expect(reader.read(0n, everything)?.last).toBe(6n);
  // Taken back behind the first two facts, and gone on with from there by others of the same numbers.
  const [begin, first, second] = recordsOf(whole).map(({ length }) => length);
  writeFileSync(path, whole.subarray(0, (begin ?? 0) + (first ?? 0) + (second ?? 0)));
  expect([reader.lastSeq(), reader.read(6n, everything)]).toEqual([6n, undefined]);
  writeSegment(7n, 2);
  expect(named(factsIn(reader.read(6n, everything) ?? { facts: [] }))).toEqual(span(7, 8));
  expect(reader.lastSeq()).toBe(8n);
});

test("a fact larger than the portion still comes, alone", () => {
  writeSegment(1n, 3);
  const stretch = openEpochReader(directory, epoch, () => 5).read(1n, { factsMax: 10, bytesMax: 1 });
  expect(stretch && named(factsIn(stretch))).toEqual(["2"]);
});

test("a record that is still being written is not there yet, and is read once it is whole", () => {
  const record = writeSegment(1n, 3).at(-1) ?? new Uint8Array();
  const path = segmentPath(directory, epoch, 1n);
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, whole.length - record.length + 9));
  const reader = openEpochReader(directory, epoch, () => 5);
  const first = reader.read(0n, everything);
  expect([first?.first, first?.last, reader.lastSeq()]).toEqual([1n, 2n, 2n]);
  const link = first && linkAtEnd(first);
  appendFileSync(path, record.subarray(9));
  const second = reader.read(2n, everything);
  expect([second?.first, second?.last, reader.lastSeq()]).toEqual([3n, 3n, 3n]);
  // The ingest takes the second only because it continues the first.
  expect(Buffer.from(second?.before ?? [])).toEqual(link);
});

test("each stretch says what its first fact follows, in one portion or many, over segments and from anywhere", () => {
  writeSegment(1n, 10);
  writeSegment(11n, 5);
  const whole = openEpochReader(directory, epoch, () => 5).read(0n, everything);
  expect(whole?.last).toBe(15n);
  const links = [
    whole?.before,
    ...(whole?.facts ?? []).map((_, n) => whole && linkAtEnd({ ...whole, facts: whole.facts.slice(0, n + 1) })),
  ];
  fc.assert(
    fc.property(fc.nat(14), fc.integer({ min: 1, max: 15 }), (after, factsMax) => {
      const stretch = openEpochReader(directory, epoch, () => 5).read(BigInt(after), { factsMax, bytesMax: 1 << 20 });
      expect(Buffer.from(stretch?.before ?? [])).toEqual(Buffer.from(links[after] ?? []));
    }),
  );
});

test("trimming removes only segments of which everything is stored, and the newest never", () => {
  writeSegment(1n, 10);
  writeSegment(11n, 10);
  writeSegment(21n, 10);
  const names = (): bigint[] => listSegments(directory, epoch).map(({ firstSeq }) => firstSeq);
  trimEpoch(directory, epoch, 9n);
  expect(names()).toEqual([1n, 11n, 21n]);
  trimEpoch(directory, epoch, 10n);
  expect(names()).toEqual([11n, 21n]);
  trimEpoch(directory, epoch, 30n);
  expect(names()).toEqual([21n]);
  expect(read(25n)).toEqual(span(26, 30));
  removeEpoch(directory, epoch);
  expect(readdirSync(directory)).toEqual([]);
});

test("the bound drops the oldest segments, and their facts are told as lost", () => {
  writeSegment(1n, 10);
  writeSegment(11n, 10);
  writeSegment(21n, 10);
  const newest = statSync(segmentPath(directory, epoch, 21n)).size;
  expect(boundSpool(directory, newest * 2, () => true).segments).toBe(1);
  expect(read()).toEqual(["lost 1-10", ...span(11, 30)]);
  expect(boundSpool(directory, 1, () => true).segments).toBe(1);
  expect(read()).toEqual(["lost 1-20", ...span(21, 30)]);
  // Somebody who knows that 15 were stored before is told only what is new to him.
  expect(read(15n)).toEqual(["lost 16-20", ...span(21, 30)]);
});

test("the bound takes even the last segment of an epoch that nobody writes, and still knows how much was lost", () => {
  writeSegment(1n, 10);
  writeSegment(11n, 10);
  boundSpool(directory, 1, () => false);
  expect(read()).toEqual(["lost 1-20"]);
  expect(boundSpool(directory, 1, () => false).segments).toBe(0);
  expect(openEpochReader(directory, epoch, () => 5).lastSeq()).toBe(20n);
});
