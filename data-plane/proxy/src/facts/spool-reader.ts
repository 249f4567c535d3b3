// Reads one epoch of a spool in order, from any `seq` on, while a recorder may still append to it. It promises a sequence
// without a silent hole: what was dropped by the spool's bound, could not be written or was damaged comes as `UsageLost` in
// its place. Facts come out as the bytes that lie on disk: of each only its number is read, because decoding and printing
// anew cost 20 µs a fact, a third of what a call costs in all. It holds no file open and at most one segment in memory, and
// it removes nothing.
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FactSchema, UsageLostSchema } from "@tollgate/schema/usage";
import { decodeRecords, listSegments, readSegment } from "./spool-file.ts";
import type { Segment } from "./spool-file.ts";

export type ReadBound = { readonly factsMax: number; readonly bytesMax: number };

/** A part of the sequence without a hole: each number from `first` to `last` is a fact, or lies in the range of a loss. */
export type Stretch = {
  readonly first: bigint;
  readonly last: bigint;
  readonly facts: readonly Uint8Array[];
  /** The bound ended it: more is there already. */
  readonly isCut: boolean;
};

export type EpochReader = {
  /** What follows `after`; undefined when there is nothing yet. At least one fact where there is one, whatever its size. */
  read(after: bigint, bound: ReadBound): Stretch | undefined;
  /** The last `seq` of which anything is known, stored or lost; 0 before the first. */
  lastSeq(): bigint;
};

/** Where in a segment the record after `seq` begins. */
type Place = { firstSeq: bigint; seq: bigint; offset: number };

export function openEpochReader(directory: string, epoch: bigint, wallMs: () => number): EpochReader {
  let place: Place | undefined;
  let end: Place | undefined;

  function startIn(segment: Segment, after: bigint): Place {
    const isKnown = place !== undefined && place.firstSeq === segment.firstSeq && place.seq <= after;
    return isKnown && place !== undefined ? place : startOf(segment);
  }

  function read(after: bigint, bound: ReadBound): Stretch | undefined {
    // The list is taken before any segment is read, so a segment with a successor on it is complete.
    const segments = listSegments(directory, epoch);
    const first = Math.max(
      0,
      segments.findLastIndex(({ firstSeq }) => firstSeq <= after + 1n),
    );
    const facts: Uint8Array[] = [];
    let bytes = 0;
    let last = after;
    const stretch = (isCut: boolean) => (facts.length === 0 ? undefined : { first: after + 1n, last, facts, isCut });
    for (const segment of segments.slice(first)) {
      if (segment.firstSeq > last + 1n) {
        if (facts.length >= bound.factsMax) return stretch(true);
        facts.push(lost(last + 1n, segment.firstSeq - 1n, wallMs()));
        last = segment.firstSeq - 1n;
      }
      const start = startIn(segment, last);
      const rest = readSegment(segment, start.offset);
      // Removed since it was listed: the next read sees what that means for the sequence.
      if (rest === undefined) break;
      let { seq, offset } = start;
      for (const record of decodeRecords(rest).facts) {
        if (seq + 1n > last) {
          if (facts.length >= bound.factsMax || (facts.length > 0 && bytes + record.length > bound.bytesMax)) {
            return stretch(true);
          }
          if (seqOf(record) !== seq + 1n) break;
          facts.push(record);
          bytes += record.length;
          last = seq + 1n;
        }
        seq += 1n;
        offset += recordBytes(record);
        place = { firstSeq: segment.firstSeq, seq, offset };
      }
    }
    return stretch(false);
  }

  function lastSeq(): bigint {
    const newest = listSegments(directory, epoch).at(-1);
    if (newest === undefined) return end?.seq ?? 0n;
    const start = end?.firstSeq === newest.firstSeq ? end : startOf(newest);
    const { facts, bytes } = decodeRecords(readSegment(newest, start.offset) ?? new Uint8Array());
    end = { firstSeq: newest.firstSeq, seq: start.seq + BigInt(facts.length), offset: start.offset + bytes };
    return end.seq;
  }

  return { read, lastSeq };
}

function startOf(segment: Segment): Place {
  return { firstSeq: segment.firstSeq, seq: segment.firstSeq - 1n, offset: 0 };
}

function recordBytes(fact: Uint8Array): number {
  return fact.length + 8;
}

/** The fact's own number, its first field; undefined where a whole record is no fact: damage that a CRC does not see. */
function seqOf(record: Uint8Array): bigint | undefined {
  try {
    const reader = new BinaryReader(record);
    const [field, wire] = reader.tag();
    return field === FactSchema.field.seq.number && wire === WireType.Varint ? BigInt(reader.uint64()) : undefined;
  } catch {
    return undefined;
  }
}

/** Why is not known here: the bound dropped it, a disk was full, or a machine lost its power. The proxy's own log says which. */
function lost(seq: bigint, lastSeq: bigint, wallMs: number): Uint8Array {
  return lossBytes(seq, lastSeq, "not-in-spool", wallMs);
}

/** A loss as a fact that stands in the place of the lost ones. */
export function lossBytes(seq: bigint, lastSeq: bigint, reason: string, wallMs: number): Uint8Array {
  const value = create(UsageLostSchema, { lastSeq, reason });
  const timeMs = BigInt(Math.trunc(wallMs));
  return toBinary(FactSchema, create(FactSchema, { seq, timeMs, kind: { case: "usageLost", value } }));
}
