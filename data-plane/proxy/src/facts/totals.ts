// What a worker's leases stood at when it last wrote, so that whoever comes after it can say what its calls have spent. Each
// record says of some leases, absolutely, what is settled and what calls hold; the last that names a lease is the truth, because
// what a call holds is on disk before its request is on the wire. A segment begins with those of all leases. An epoch is
// believed only as long as its mark is there: it is removed before anything of the epoch is served that is not on disk.

import { closeSync, existsSync, mkdirSync, openSync, unlinkSync } from "node:fs";
import { believedPath, epochPath, listSegments, readSegment, recordsIn } from "./spool-file.ts";

/** `lease`: its number in the epoch. Amounts are in the unit of its account. */
export type LeaseTotals = { readonly lease: number; readonly settled: bigint; readonly open: bigint };

/** What a recorder asks for what to write. */
export type TotalsSource = {
  /** Those that are others than when it was asked last. */
  takeChanged(): readonly LeaseTotals[];
  all(): readonly LeaseTotals[];
};

const entryBytes = 4 + 8 + 8;
/** So that no record is too long, however many leases there are. */
const entriesMax = 1_000;

/** The contents of as many records as it takes. */
export function printTotals(totals: readonly LeaseTotals[]): Buffer[] {
  const records: Buffer[] = [];
  for (let from = 0; from < totals.length; from += entriesMax) {
    const some = totals.slice(from, from + entriesMax);
    const bytes = Buffer.allocUnsafe(some.length * entryBytes);
    for (const [index, { lease, settled, open }] of some.entries()) {
      const at = index * entryBytes;
      bytes.writeUInt32LE(lease, at);
      bytes.writeBigInt64LE(settled, at + 4);
      bytes.writeBigInt64LE(open, at + 12);
    }
    records.push(bytes);
  }
  return records;
}

function* totalsIn(bytes: Uint8Array): Generator<LeaseTotals> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes)
    yield {
      lease: view.getUint32(at, true),
      settled: view.getBigInt64(at + 4, true),
      open: view.getBigInt64(at + 12, true),
    };
}

/**
 * Of an epoch that nobody writes to any more; undefined where what is on disk need not be all that was served. A lease that is
 * not among them has never held anything.
 */
export function lastTotals(directory: string, epoch: bigint): ReadonlyMap<number, LeaseTotals> | undefined {
  if (!existsSync(believedPath(directory, epoch))) return undefined;
  const last = new Map<number, LeaseTotals>();
  // From the oldest on: a crash may have torn what the newest began with, and then what was before it still holds.
  for (const segment of listSegments(directory, epoch)) {
    const bytes = readSegment(segment, 0);
    if (bytes === undefined) return undefined;
    for (const record of recordsIn(bytes))
      if (record.kind === "totals") for (const totals of totalsIn(record.totals)) last.set(totals.lease, totals);
  }
  return last;
}

/** From now on what is on disk of the epoch is all that it has served. */
export function markBelieved(directory: string, epoch: bigint): void {
  mkdirSync(epochPath(directory, epoch), { recursive: true });
  closeSync(openSync(believedPath(directory, epoch), "w", 0o600));
}

/** What is served from now on may be missing on disk. Throws where even that cannot be written down. */
export function unmarkBelieved(directory: string, epoch: bigint): void {
  if (existsSync(believedPath(directory, epoch))) unlinkSync(believedPath(directory, epoch));
}
