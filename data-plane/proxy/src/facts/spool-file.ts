// The spool's format on disk: `<spool>/<epoch>/<firstSeq>.facts`, append-only segments of records (length, CRC-32, kind,
// content). A segment holds contiguous facts from the `seq` in its name, so what is missing between two segments, or
// before the first, is known by names alone: nothing has to be rewritten when the oldest are dropped, and a full disk
// needs no space to say that something was lost. It begins with the link before its first fact and the intents of the calls
// then under way, so that it can be read, and the epoch concluded, without the segments before it. A record that a crash tore is the end of its segment, never an error.
// Segments are removed here and nowhere else; several processes may do so at once. Nothing is interpreted.
import { closeSync, fstatSync, openSync, readdirSync, readSync, rmdirSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { linkBytes } from "@tollgate/kernel/fact-chain";

/** A record's header: length and CRC-32 of what follows, both unsigned and little-endian, and what kind of record it is. */
export const headerBytes = 9;
/** A fact's record is its link and its bytes; an intent's is a `CallIntent`; what begins a segment is a link alone; the others, see `totals.ts`. */
export const recordKinds = { fact: 1, intent: 2, begin: 3, totals: 4, leases: 5 } as const;
/** The writer clips every text that is not ours, so that no fact can be longer; a longer record is damage. */
export const factBytesMax = 60 * 1024;
const recordBytesMax = factBytesMax + linkBytes;
export const segmentBytesMax = 1024 * 1024;
const suffix = ".facts";

export type Segment = { readonly firstSeq: bigint; readonly path: string };

export function epochPath(directory: string, epoch: bigint): string {
  return join(directory, epoch.toString());
}

export function segmentPath(directory: string, epoch: bigint, firstSeq: bigint): string {
  return join(epochPath(directory, epoch), `${firstSeq}${suffix}`);
}

/** What is being written beside the segments, and is none of them until it is renamed. */
export function unfinishedPath(directory: string, epoch: bigint): string {
  return join(epochPath(directory, epoch), "unfinished");
}

/** A file that is there as long as all that the epoch has served is in its segments; see `totals.ts`. */
export function believedPath(directory: string, epoch: bigint): string {
  return join(epochPath(directory, epoch), "believed");
}

/** Of which boot of the proxy the epoch is; see `totals.ts`. */
export function bootPath(directory: string, epoch: bigint): string {
  return join(epochPath(directory, epoch), "boot");
}

/** What the leases of an epoch that is over ended with; see `ended-leases.ts`. */
export function endedLeasesPath(directory: string, epoch: bigint): string {
  return join(epochPath(directory, epoch), "leases");
}

/** Writes the header in front of what already lies between `start + headerBytes` and `end`. */
export function sealRecord(buffer: Buffer, start: number, end: number, kind: number): void {
  const content = buffer.subarray(start + headerBytes, end);
  if (content.length === 0 || content.length > recordBytesMax)
    throw new Error(`${content.length} bytes do not fit into a record`);
  buffer.writeUInt32LE(content.length, start);
  buffer.writeUInt32LE(crc32(content, kind), start + 4);
  buffer[start + 8] = kind;
}

export type SpoolRecord =
  | { readonly kind: "fact"; readonly link: Uint8Array; readonly fact: Uint8Array; readonly end: number }
  | { readonly kind: "intent"; readonly intent: Uint8Array; readonly end: number }
  | { readonly kind: "totals"; readonly totals: Uint8Array; readonly end: number }
  | { readonly kind: "leases"; readonly leases: Uint8Array; readonly end: number }
  | { readonly kind: "begin"; readonly link: Uint8Array; readonly end: number };

/**
 * Whole records in order, each with the offset of its end; what follows the last is torn, damaged or not yet written. An empty
 * record counts as damage: a file system may leave zeros where a machine lost its power, and the CRC of nothing is zero.
 */
export function* recordsIn(buffer: Uint8Array): Generator<SpoolRecord> {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  let at = 0;
  while (at + headerBytes <= buffer.length) {
    const length = view.getUint32(at, true);
    const end = at + headerBytes + length;
    const kind = view.getUint8(at + 8);
    if (length === 0 || length > recordBytesMax || end > buffer.length) return;
    const content = buffer.subarray(at + headerBytes, end);
    if (crc32(content, kind) !== view.getUint32(at + 4, true)) return;
    const record = recordOf(kind, content, end);
    if (record === undefined) return;
    yield record;
    at = end;
  }
}

function recordOf(kind: number, content: Uint8Array, end: number): SpoolRecord | undefined {
  switch (kind) {
    case recordKinds.fact:
      if (content.length <= linkBytes) return undefined;
      return { kind: "fact", link: content.subarray(0, linkBytes), fact: content.subarray(linkBytes), end };
    case recordKinds.intent:
      return { kind: "intent", intent: content, end };
    case recordKinds.totals:
      return { kind: "totals", totals: content, end };
    case recordKinds.leases:
      return { kind: "leases", leases: content, end };
    case recordKinds.begin:
      return content.length === linkBytes ? { kind: "begin", link: content, end } : undefined;
    default:
      return undefined;
  }
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

/** Where what is read from the disk is put. */
export type Room = (bytes: number) => Uint8Array;

const newRoom: Room = (bytes) => new Uint8Array(bytes);

/** What the segment holds from a byte on; undefined where somebody removed it meanwhile. */
export function readSegment(segment: Segment, offset: number, room = newRoom): Uint8Array | undefined {
  return unlessGone(() => {
    const file = openSync(segment.path, "r");
    try {
      const rest = room(Math.max(0, fstatSync(file).size - offset));
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

/**
 * Of an epoch to which nobody writes any more and of which everything is stored, the number of its facts is kept, as the name
 * of an empty segment: a database that is restored to a time before them must be told what it has lost.
 */
export function retireEpoch(directory: string, epoch: bigint, lastSeq: bigint): void {
  const segments = listSegments(directory, epoch);
  closeSync(openSync(segmentPath(directory, epoch, lastSeq + 1n), "w", 0o600));
  for (const { firstSeq, path } of segments) if (firstSeq !== lastSeq + 1n) unlessGone(() => unlinkSync(path));
  unlessGone(() => unlinkSync(unfinishedPath(directory, epoch)));
  // What was to be said of its leases has been said, and is in a file of its own.
  unlessGone(() => unlinkSync(believedPath(directory, epoch)));
}

/** When it was retired; undefined for one that holds anything. */
export function retiredMs(directory: string, epoch: bigint): number | undefined {
  const [only, ...others] = listSegments(directory, epoch);
  if (only === undefined || others.length > 0) return undefined;
  const status = unlessGone(() => statSync(only.path));
  return status?.size === 0 ? status.mtimeMs : undefined;
}

/** Removes all that is left of an epoch. */
export function removeEpoch(directory: string, epoch: bigint): void {
  for (const segment of listSegments(directory, epoch)) unlessGone(() => unlinkSync(segment.path));
  unlessGone(() => unlinkSync(unfinishedPath(directory, epoch)));
  unlessGone(() => unlinkSync(believedPath(directory, epoch)));
  const ended = endedLeasesPath(directory, epoch);
  for (const path of [ended, `${ended}.new`, bootPath(directory, epoch)]) unlessGone(() => unlinkSync(path));
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
      const facts = countFacts(readSegment(segment, 0) ?? new Uint8Array());
      closeSync(openSync(segmentPath(directory, epoch, segment.firstSeq + BigInt(facts)), "w"));
      if (facts > 0) unlessGone(() => unlinkSync(segment.path));
      unlessGone(() => unlinkSync(believedPath(directory, epoch)));
    } else unlessGone(() => unlinkSync(segment.path));
    dropped.segments += 1;
    dropped.bytes += bytes;
  }
  return dropped;
}

export function countFacts(buffer: Uint8Array): number {
  let facts = 0;
  for (const { kind } of recordsIn(buffer)) if (kind === "fact") facts += 1;
  return facts;
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
