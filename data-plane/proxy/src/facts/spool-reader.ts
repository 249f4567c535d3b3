// Reads one epoch of a spool in order, from any `seq` on, while a recorder may still append to it. It promises a sequence
// without a silent hole: what was dropped by the spool's bound, could not be written or was damaged comes as `UsageLost` in
// its place. It holds no file open and at most one segment in memory, and it removes nothing.
import { create, fromBinary } from "@bufbuild/protobuf";
import { FactSchema, UsageLostSchema } from "@tollgate/schema/usage";
import type { Fact } from "@tollgate/schema/usage";
import { decodeRecords, listSegments, readSegment } from "./spool-file.ts";
import type { Segment } from "./spool-file.ts";

export type ReadBound = { readonly factsMax: number; readonly bytesMax: number };

export type EpochReader = {
  /** The facts that follow `after`; empty when there are none yet. At least one where there is one, whatever its size. */
  read(after: bigint, bound: ReadBound): Fact[];
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

  function read(after: bigint, bound: ReadBound): Fact[] {
    // The list is taken before any segment is read, so a segment with a successor on it is complete.
    const segments = listSegments(directory, epoch);
    const first = Math.max(
      0,
      segments.findLastIndex(({ firstSeq }) => firstSeq <= after + 1n),
    );
    const facts: Fact[] = [];
    let bytes = 0;
    let last = after;
    for (const segment of segments.slice(first)) {
      if (segment.firstSeq > last + 1n) {
        if (facts.length >= bound.factsMax) break;
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
            return facts;
          }
          const fact = decodeFact(record, seq + 1n);
          if (fact === undefined) break;
          facts.push(fact);
          bytes += record.length;
          last = seq + 1n;
        }
        seq += 1n;
        offset += recordBytes(record);
        place = { firstSeq: segment.firstSeq, seq, offset };
      }
    }
    return facts;
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

/** Undefined where the record is whole but is not the fact that belongs here: damage that a CRC does not see. */
function decodeFact(record: Uint8Array, seq: bigint): Fact | undefined {
  try {
    const fact = fromBinary(FactSchema, record);
    return fact.seq === seq ? fact : undefined;
  } catch {
    return undefined;
  }
}

/** Why is not known here: the bound dropped it, a disk was full, or a machine lost its power. The proxy's own log says which. */
function lost(seq: bigint, lastSeq: bigint, wallMs: number): Fact {
  const value = create(UsageLostSchema, { lastSeq, reason: "not-in-spool" });
  return create(FactSchema, { seq, timeMs: BigInt(Math.trunc(wallMs)), kind: { case: "usageLost", value } });
}
