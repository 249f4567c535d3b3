// Reads one epoch of a spool in order, from any `seq` on, while a recorder may still append to it. It promises a sequence
// without a silent hole: what was dropped by the spool's bound, could not be written or was damaged comes as `UsageLost` in
// its place. Facts come out as the bytes that lie on disk: of each only its number is read, because decoding and printing
// anew cost 20 µs a fact, a third of what a call costs in all. It holds no file open and at most what one reading takes in
// memory, and it removes nothing.
import { create, toBinary } from "@bufbuild/protobuf";
import { FactSchema, UsageLostSchema } from "@tollgate/schema/usage";
import type { Room, Segment } from "./spool-file.ts";
import { headerBytes, listSegments, readSegment, recordsIn } from "./spool-file.ts";

export type ReadBound = { readonly factsMax: number; readonly bytesMax: number };

/** A part of the sequence without a hole: facts that follow each other, or one loss alone. */
export type Stretch = {
  readonly first: bigint;
  readonly last: bigint;
  readonly facts: readonly Uint8Array[];
  /** The link before the first of the facts; empty before a loss, after which the chain begins anew. */
  readonly before: Uint8Array;
  /** It ended before the end: more is there already. */
  readonly isCut: boolean;
};

export type EpochReader = {
  /** What follows `after`; undefined when there is nothing yet. At least one fact where there is one, whatever its size. */
  read(after: bigint, bound: ReadBound): Stretch | undefined;
  /** The last `seq` of which anything is known, stored or lost; 0 before the first. */
  lastSeq(): bigint;
  /** The link of a fact; undefined where it is not on disk (any more). */
  linkAt(seq: bigint): Uint8Array | undefined;
};

/**
 * Readings follow each other in the same memory: a megabyte for each of them makes the engine mark its whole heap with every
 * few, which cost more than all else that the shipping of a fact does.
 */
export type ReadingRoom = { readonly room: Room; clear(): void };

export function readingRoom(): ReadingRoom {
  let bytes = new Uint8Array(0);
  let at = 0;
  return {
    clear: () => (at = 0),
    room(wanted) {
      // What was read before stays where it is.
      if (at + wanted > bytes.length) [bytes, at] = [new Uint8Array(Math.max(wanted, bytes.length * 2)), 0];
      at += wanted;
      return bytes.subarray(at - wanted, at);
    },
  };
}

/**
 * Where in a segment the record after `seq` begins, and the link of the fact before it. Of the record that ends there the header
 * is kept, with its sum: where the file was written anew under its name, the place is none any more.
 */
type Place = {
  firstSeq: bigint;
  seq: bigint;
  offset: number;
  link: Uint8Array | undefined;
  last: { offset: number; header: Uint8Array } | undefined;
};

/** What comes out of `read` lies in `memory`, until that of another reading does. */
export function openEpochReader(
  directory: string,
  epoch: bigint,
  wallMs: () => number,
  memory = readingRoom(),
): EpochReader {
  let place: Place | undefined;
  let end: Place | undefined;
  /** What was handed out may be stored, though the disk refused the rest of its write and it was taken back. */
  let handedOut = 0n;

  function read(after: bigint, bound: ReadBound): Stretch | undefined {
    const stretch = readAfter(after, bound);
    if (stretch !== undefined && stretch.last > handedOut) handedOut = stretch.last;
    return stretch;
  }

  function readAfter(after: bigint, bound: ReadBound): Stretch | undefined {
    memory.clear();
    // The list is taken before any segment is read, so a segment with a successor on it is complete.
    const segments = listSegments(directory, epoch);
    const first = Math.max(
      0,
      segments.findLastIndex(({ firstSeq }) => firstSeq <= after + 1n),
    );
    const collected = collect(after, bound);
    for (const segment of segments.slice(first)) {
      if (segment.firstSeq > collected.last() + 1n)
        return collected.stretch(true) ?? lossOf(after, segment.firstSeq - 1n, "not-in-spool", wallMs());
      if (!readInto(collected, segment)) return collected.stretch(true);
    }
    return collected.stretch(false);
  }

  /** False where the bound was reached. */
  function readInto(collected: Collected, segment: Segment): boolean {
    const found = behind(segment, startIn(segment, collected.last()), memory.room);
    // Removed since it was listed: the next read sees what that means for the sequence.
    if (found === undefined) return false;
    const { start, rest } = found;
    let { seq, link } = start;
    let ends: Ends = [0, 0];
    let fits = true;
    for (const record of recordsIn(rest)) {
      if (record.kind === "fact") {
        // Without the link before it, or with another number than its place says: damage that a CRC does not see.
        if (link === undefined || seqOf(record.fact) !== seq + 1n) break;
        fits = seq + 1n <= collected.last() || collected.take(record.fact, link);
        if (!fits) break;
        seq += 1n;
      }
      if ("link" in record) ({ link } = record);
      ends = [ends[1], record.end];
    }
    place = placeAt({ ...start, seq, link }, rest, ends);
    return fits;
  }

  function startIn(segment: Segment, after: bigint): Place {
    const isKnown = place !== undefined && place.firstSeq === segment.firstSeq && place.seq <= after;
    return isKnown && place !== undefined ? place : startOf(segment);
  }

  function lastSeq(): bigint {
    const newest = listSegments(directory, epoch).at(-1);
    if (newest === undefined) return end?.seq ?? 0n;
    const { start, rest } = behind(newest, furthestIn(newest)) ?? { start: startOf(newest), rest: new Uint8Array() };
    let { seq, link } = start;
    let ends: Ends = [0, 0];
    for (const record of recordsIn(rest)) {
      if (record.kind === "fact") seq += 1n;
      if ("link" in record) ({ link } = record);
      ends = [ends[1], record.end];
    }
    end = placeAt({ ...start, seq, link }, rest, ends);
    return seq > handedOut ? seq : handedOut;
  }

  /** What was read to be sent is not read again to be counted. */
  function furthestIn(segment: Segment): Place {
    let furthest = startOf(segment);
    for (const known of [place, end])
      if (known?.firstSeq === segment.firstSeq && known.offset > furthest.offset) furthest = known;
    return furthest;
  }

  function linkAt(seq: bigint): Uint8Array | undefined {
    for (const known of [place, end]) if (known?.seq === seq && known.link !== undefined) return known.link;
    const segment = listSegments(directory, epoch).findLast(({ firstSeq }) => firstSeq <= seq);
    let at = (segment?.firstSeq ?? 1n) - 1n;
    for (const record of recordsIn((segment && readSegment(segment, 0)) ?? new Uint8Array()))
      if (record.kind === "fact" && ++at === seq) return Uint8Array.from(record.link);
    return undefined;
  }

  return { read, lastSeq, linkAt };
}

type Collected = ReturnType<typeof collect>;

function collect(after: bigint, bound: ReadBound) {
  const facts: Uint8Array[] = [];
  let bytes = 0;
  let before: Uint8Array = new Uint8Array();
  return {
    last: () => after + BigInt(facts.length),
    /** False where it does not fit any more. */
    take(fact: Uint8Array, link: Uint8Array): boolean {
      if (facts.length >= bound.factsMax || (facts.length > 0 && bytes + fact.length > bound.bytesMax)) return false;
      if (facts.length === 0) before = link;
      facts.push(fact);
      bytes += fact.length;
      return true;
    },
    stretch: (isCut: boolean): Stretch | undefined =>
      facts.length === 0 ? undefined : { first: after + 1n, last: after + BigInt(facts.length), facts, before, isCut },
  };
}

function startOf(segment: Segment): Place {
  return { firstSeq: segment.firstSeq, seq: segment.firstSeq - 1n, offset: 0, link: undefined, last: undefined };
}

/** Of the last but one of the records that were read, and of the last. */
type Ends = readonly [before: number, last: number];

/** Behind what was read of `rest`, which began at the offset of `from`. What is kept is copied: a few bytes would keep it all. */
function placeAt(from: Place, rest: Uint8Array, [before, last]: Ends): Place {
  const place = { ...from, offset: from.offset + last, link: from.link && Uint8Array.from(from.link) };
  if (last === 0) return place;
  return { ...place, last: { offset: from.offset + before, header: rest.slice(before, before + headerBytes) } };
}

/** What a segment holds behind a place; where another record ends there by now, all of it. */
function behind(segment: Segment, start: Place, room?: Room): { start: Place; rest: Uint8Array } | undefined {
  const from = start.last?.offset ?? start.offset;
  const bytes = readSegment(segment, from, room);
  if (bytes === undefined || start.last === undefined) return bytes && { start, rest: bytes };
  const isSame = Buffer.compare(bytes.subarray(0, headerBytes), start.last.header) === 0;
  return isSame ? { start, rest: bytes.subarray(start.offset - from) } : behind(segment, startOf(segment), room);
}

const seqTag = FactSchema.field.seq.number << 3;
/** Numbers beyond that are none that anybody has counted to. */
const seqBytesMax = 7;

/** The fact's own number, its first field; undefined where a whole record is no fact. */
function seqOf(fact: Uint8Array): bigint | undefined {
  if (fact[0] !== seqTag) return undefined;
  let seq = 0;
  for (let at = 1, unit = 1; at <= seqBytesMax; at++, unit *= 0x80) {
    const byte = fact[at] ?? 0;
    seq += (byte & 0x7f) * unit;
    if (byte < 0x80) return BigInt(seq);
  }
  return undefined;
}

/**
 * A fact that stands in the place of those that are gone. Why is not always known: the bound dropped them, a disk was full,
 * or a machine lost its power; the proxy's own log says which.
 */
export function lossOf(after: bigint, last: bigint, reason: string, wallMs: number): Stretch {
  const value = create(UsageLostSchema, { lastSeq: last, reason });
  const fact = create(FactSchema, {
    seq: after + 1n,
    timeMs: BigInt(Math.trunc(wallMs)),
    kind: { case: "usageLost", value },
  });
  const facts = [toBinary(FactSchema, fact)];
  return { first: after + 1n, last, facts, before: new Uint8Array(), isCut: true };
}
