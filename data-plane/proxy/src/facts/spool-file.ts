// The spool's format on disk: `<spool>/<epoch>/<firstSeq>.facts`, append-only segments of records (length, CRC-32, bytes of
// a `Fact`). A segment holds contiguous facts from the `seq` in its name, so what is missing between two segments, or
// before the first, is known by names alone: nothing has to be rewritten when the oldest are dropped, and a full disk
// needs no space to say that something was lost. A record that a crash tore is the end of its segment, never an error.
// Segments are removed here and nowhere else; several processes may do so at once. Nothing is interpreted.
import { closeSync, fstatSync, openSync, readdirSync, readSync, rmdirSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** A record's header: length and CRC-32 of the bytes that follow, both unsigned and little-endian. */
export const headerBytes = 8;
/** The writer clips every text that a client chose, so no fact comes near it; a longer record is damage. */
export const factBytesMax = 16 * 1024;
export const segmentBytesMax = 1024 * 1024;
const suffix = ".facts";

export type Segment = { readonly firstSeq: bigint; readonly path: string };

export function epochPath(directory: string, epoch: bigint): string {
  return join(directory, epoch.toString());
}

export function segmentPath(directory: string, epoch: bigint, firstSeq: bigint): string {
  return join(epochPath(directory, epoch), `${firstSeq}${suffix}`);
}

/** Writes the header in front of the fact that already lies between `start + headerBytes` and `end`. */
export function sealRecord(buffer: Buffer, start: number, end: number): void {
  const fact = buffer.subarray(start + headerBytes, end);
  if (fact.length === 0 || fact.length > factBytesMax) throw new Error(`a fact of ${fact.length} bytes has no record`);
  buffer.writeUInt32LE(fact.length, start);
  buffer.writeUInt32LE(crc32(fact), start + 4);
}

export type WholeRecords = {
  readonly facts: readonly Uint8Array[];
  /** The bytes of the whole records; what follows is torn, damaged or not yet written. */
  readonly bytes: number;
};

/** An empty record counts as damage: a file system may leave zeros where a machine lost its power, and the CRC of nothing is zero. */
export function decodeRecords(buffer: Uint8Array): WholeRecords {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const facts: Uint8Array[] = [];
  let at = 0;
  while (at + headerBytes <= buffer.length) {
    const length = view.getUint32(at, true);
    const end = at + headerBytes + length;
    if (length === 0 || length > factBytesMax || end > buffer.length) break;
    const fact = buffer.subarray(at + headerBytes, end);
    if (crc32(fact) !== view.getUint32(at + 4, true)) break;
    facts.push(fact);
    at = end;
  }
  return { facts, bytes: at };
}

/** Oldest first. A folder that is no epoch is none of ours. */
export function listEpochs(directory: string): bigint[] {
  return numbers(directory, "");
}

/** Oldest first; empty where the epoch has no folder. */
export function listSegments(directory: string, epoch: bigint): Segment[] {
  return numbers(epochPath(directory, epoch), suffix).map((firstSeq) => ({
    firstSeq,
    path: segmentPath(directory, epoch, firstSeq),
  }));
}

function numbers(directory: string, ending: string): bigint[] {
  const found: bigint[] = [];
  for (const name of unlessGone(() => readdirSync(directory)) ?? []) {
    const digits = name.endsWith(ending) ? name.slice(0, name.length - ending.length) : "";
    if (/^[1-9][0-9]{0,18}$/.test(digits)) found.push(BigInt(digits));
  }
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/** What the segment holds from a byte on; undefined where somebody removed it meanwhile. */
export function readSegment(segment: Segment, offset: number): Uint8Array | undefined {
  return unlessGone(() => {
    const file = openSync(segment.path, "r");
    try {
      const rest = new Uint8Array(Math.max(0, fstatSync(file).size - offset));
      let filled = 0;
      while (filled < rest.length) {
        const read = readSync(file, rest, filled, rest.length - filled, offset + filled);
        if (read === 0) break;
        filled += read;
      }
      return rest.subarray(0, filled);
    } finally {
      closeSync(file);
    }
  });
}

/** Removes the segments of which every fact is at or below `stored`. The newest stays: its name says where the epoch stands. */
export function trimEpoch(directory: string, epoch: bigint, stored: bigint): void {
  const segments = listSegments(directory, epoch);
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (next === undefined || next.firstSeq > stored + 1n) return;
    unlessGone(() => unlinkSync(segment.path));
  }
}

/** Removes an epoch to which nobody writes any more and of which everything is stored. */
export function removeEpoch(directory: string, epoch: bigint): void {
  for (const segment of listSegments(directory, epoch)) unlessGone(() => unlinkSync(segment.path));
  unlessGone(() => rmdirSync(epochPath(directory, epoch)));
}

export type Dropped = { readonly segments: number; readonly bytes: number };

/**
 * Brings the whole spool below `maxBytes` by removing its oldest segments. The newest of an epoch is only removed where
 * `isLive` denies that somebody writes to it; an empty one then takes its place, whose name keeps the number of what was lost.
 */
export function boundSpool(directory: string, maxBytes: number, isLive: (epoch: bigint) => boolean): Dropped {
  const candidates: { segment: Segment; epoch: bigint; bytes: number; changedMs: number; isNewest: boolean }[] = [];
  let total = 0;
  for (const epoch of listEpochs(directory)) {
    const segments = listSegments(directory, epoch);
    for (const [index, segment] of segments.entries()) {
      const status = unlessGone(() => statSync(segment.path));
      if (status === undefined) continue;
      total += status.size;
      const isNewest = index === segments.length - 1;
      if (status.size === 0 || (isNewest && isLive(epoch))) continue;
      candidates.push({ segment, epoch, bytes: status.size, changedMs: status.mtimeMs, isNewest });
    }
  }
  if (total <= maxBytes) return { segments: 0, bytes: 0 };
  candidates.sort((a, b) => a.changedMs - b.changedMs || Number(a.epoch - b.epoch) || order(a.segment, b.segment));
  const dropped = { segments: 0, bytes: 0 };
  for (const { segment, epoch, bytes, isNewest } of candidates) {
    if (total - dropped.bytes <= maxBytes) break;
    if (isNewest) {
      const facts = decodeRecords(readSegment(segment, 0) ?? new Uint8Array()).facts.length;
      closeSync(openSync(segmentPath(directory, epoch, segment.firstSeq + BigInt(facts)), "w"));
      if (facts > 0) unlessGone(() => unlinkSync(segment.path));
    } else unlessGone(() => unlinkSync(segment.path));
    dropped.segments += 1;
    dropped.bytes += bytes;
  }
  return dropped;
}

function order(a: Segment, b: Segment): number {
  return a.firstSeq < b.firstSeq ? -1 : 1;
}

/** Whoever trims and whoever keeps the bound may meet at the same file; the second finds what it wanted. */
function unlessGone<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
