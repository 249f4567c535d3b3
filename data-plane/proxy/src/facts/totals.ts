// What a worker's leases stood at when it last wrote, so that whoever comes after it can say what its calls have spent. Each
// record says of some leases, absolutely, what is settled and what calls hold; the last that names a lease is the truth, because
// what a call holds is on disk before its request is on the wire. Whose lease it is, subject and account, is in a record of its
// own, once a segment. A segment begins with those of all leases. An epoch is believed only as long as its mark is there: it is
// removed before anything of the epoch is served that is not on disk.

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import type { FormerLease } from "@tollgate/kernel/lending/former";
import { countMax } from "./flat-printer.ts";
import { believedPath, bootPath, epochPath, listSegments, readSegment } from "./spool-file.ts";
import { recordKinds, recordsIn, retiredMs } from "./spool-file.ts";

/** Amounts are in the unit of the account. Subject and account are empty where a former version wrote it, which did not say them. */
export type LeaseTotals = FormerLease;

/** What a recorder asks for what to write. */
export type TotalsSource = {
  /** Those that are others than when it was asked last. */
  takeChanged(): readonly LeaseTotals[];
  all(): readonly LeaseTotals[];
};

export type TotalsRecord = { readonly kind: number; readonly content: Buffer };

const amountsBytes = 4 + 8 + 8;
const nameHeaderBytes = 4 + 2 + 2;
/** So that no record is too long, however many leases there are. */
const entriesMax = 1_000;
const namesBytesMax = 16 * 1024;

/** As many records as it takes. */
export function printTotals(totals: readonly LeaseTotals[]): TotalsRecord[] {
  return inRecords(totals).map((some) => {
    const content = Buffer.allocUnsafe(amountsLength(some));
    putAmounts(viewOf(content), 0, some);
    return { kind: recordKinds.totals, content };
  });
}

/** Those that one record says, and those of the next. */
export function inRecords(totals: readonly LeaseTotals[]): (readonly LeaseTotals[])[] {
  if (totals.length <= entriesMax) return totals.length === 0 ? [] : [totals];
  const records: LeaseTotals[][] = [];
  for (let from = 0; from < totals.length; from += entriesMax) records.push(totals.slice(from, from + entriesMax));
  return records;
}

export function amountsLength({ length }: readonly LeaseTotals[]): number {
  return length * amountsBytes;
}

/** The content of one record. By a view, because a buffer's own way to write a long number takes eight steps of long arithmetic. */
export function putAmounts(view: DataView, at: number, totals: readonly LeaseTotals[]): void {
  for (const [index, { lease, settled, open }] of totals.entries()) {
    const entryAt = at + index * amountsBytes;
    view.setUint32(entryAt, lease, true);
    view.setBigInt64(entryAt + 4, atMost(settled), true);
    view.setBigInt64(entryAt + 12, atMost(open), true);
  }
}

export function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** More than there is room for is written down as the most that there is, as facts have it. */
function atMost(amount: bigint): bigint {
  return amount > countMax ? countMax : amount;
}

/** Whose leases they are. What has no account was never lent, and has nothing to say. */
export function printNames(totals: Iterable<LeaseTotals>): TotalsRecord[] {
  const records: TotalsRecord[] = [];
  let entries: Buffer[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (bytes > 0) records.push({ kind: recordKinds.leases, content: Buffer.concat(entries) });
    [entries, bytes] = [[], 0];
  };
  for (const lease of totals) {
    if (lease.account === "") continue;
    const entry = nameEntry(lease);
    if (bytes + entry.length > namesBytesMax) flush();
    entries.push(entry);
    bytes += entry.length;
  }
  flush();
  return records;
}

function nameEntry({ lease, subject, account }: LeaseTotals): Buffer {
  const [subjectBytes, accountBytes] = [Buffer.from(subject), Buffer.from(account)];
  const header = Buffer.allocUnsafe(nameHeaderBytes);
  header.writeUInt32LE(lease, 0);
  header.writeUInt16LE(subjectBytes.length, 4);
  header.writeUInt16LE(accountBytes.length, 6);
  return Buffer.concat([header, subjectBytes, accountBytes]);
}

/** What the records of one epoch say together, in their order. */
export class TotalsReader {
  private readonly amounts = new Map<number, Pick<LeaseTotals, "settled" | "open">>();
  private readonly names = new Map<number, Pick<LeaseTotals, "subject" | "account">>();

  read(bytes: Uint8Array): void {
    for (const record of recordsIn(bytes)) {
      if (record.kind === "totals") this.readAmounts(record.totals);
      else if (record.kind === "leases") this.readNames(record.leases);
    }
  }

  leases(): LeaseTotals[] {
    const unknown = { subject: "", account: "" };
    return [...this.amounts].map(([lease, amounts]) => ({ lease, ...(this.names.get(lease) ?? unknown), ...amounts }));
  }

  private readAmounts(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + amountsBytes <= bytes.length; at += amountsBytes)
      this.amounts.set(view.getUint32(at, true), {
        settled: view.getBigInt64(at + 4, true),
        open: view.getBigInt64(at + 12, true),
      });
  }

  private readNames(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + nameHeaderBytes <= buffer.length;) {
      const subjectAt = at + nameHeaderBytes;
      const accountAt = subjectAt + buffer.readUInt16LE(at + 4);
      const end = accountAt + buffer.readUInt16LE(at + 6);
      this.names.set(buffer.readUInt32LE(at), {
        subject: buffer.toString("utf8", subjectAt, accountAt),
        account: buffer.toString("utf8", accountAt, end),
      });
      at = end;
    }
  }
}

/**
 * Of an epoch that nobody writes to any more; undefined where what is on disk need not be all that was served. A lease that is
 * not among them has never held anything.
 */
export function lastTotals(directory: string, epoch: bigint): readonly LeaseTotals[] | undefined {
  const segments = listSegments(directory, epoch);
  // A former version left the mark where it had thrown everything away but the number of facts.
  const isEmptied = retiredMs(directory, epoch) !== undefined && segments.some(({ firstSeq }) => firstSeq > 1n);
  if (isEmptied || !existsSync(believedPath(directory, epoch))) return undefined;
  const reader = new TotalsReader();
  // From the oldest on: a crash may have torn what the newest began with, and then what was before it still holds.
  for (const segment of segments) {
    const bytes = readSegment(segment, 0);
    if (bytes === undefined) return undefined;
    reader.read(bytes);
  }
  return reader.leases();
}

/** From now on what is on disk of the epoch is all that it has served, in this boot of the proxy. */
export function markBelieved(directory: string, epoch: bigint, boot: string): void {
  mkdirSync(epochPath(directory, epoch), { recursive: true });
  writeFileSync(bootPath(directory, epoch), boot, { mode: 0o600 });
  closeSync(openSync(believedPath(directory, epoch), "w", 0o600));
}

/** The boot whose leases the epoch's are; empty where a former version had it, which did not say. */
export function bootOf(directory: string, epoch: bigint): string {
  const path = bootPath(directory, epoch);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** What is served from now on may be missing on disk. Throws where even that cannot be written down. */
export function unmarkBelieved(directory: string, epoch: bigint): void {
  if (existsSync(believedPath(directory, epoch))) unlinkSync(believedPath(directory, epoch));
}
