// What is kept of epochs that are over for a ledger that comes back from a backup: what their leases ended with, in one small file
// of each epoch, which stays when its facts are stored and goes when the epoch does. Beside them it is noted when the last of
// the epochs was over that is not here any more: a backup from before that lacks what nobody can say again. A directory in which
// that note is missing is taken to have forgotten everything up to now. It decides nothing; see `lending/former.ts` of the kernel.

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { endedLeasesPath, headerBytes, sealRecord } from "./spool-file.ts";
import { printNames, printTotals, TotalsReader, type LeaseTotals } from "./totals.ts";

/** Durable before it returns. */
export function keepEnded(directory: string, epoch: bigint, leases: readonly LeaseTotals[]): void {
  const records = [...printNames(leases), ...printTotals(leases)].map(({ kind, content }) => {
    const record = Buffer.concat([Buffer.alloc(headerBytes), content]);
    sealRecord(record, 0, record.length, kind);
    return record;
  });
  replace(endedLeasesPath(directory, epoch), Buffer.concat(records));
}

export function isEnded(directory: string, epoch: bigint): boolean {
  return existsSync(endedLeasesPath(directory, epoch));
}

export function readEnded(directory: string, epoch: bigint): readonly LeaseTotals[] {
  const reader = new TotalsReader();
  reader.read(readFileSync(endedLeasesPath(directory, epoch)));
  return reader.leases();
}

/** Once at the start. Who has never had an epoch has nothing to forget. */
export function beginForgetting(directory: string, usedUpTo: bigint, nowMs: number): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (!existsSync(forgottenPath(directory))) write(directory, usedUpTo === 0n ? 0 : nowMs);
}

/** By this machine's clock, when the last epoch was over of which nothing is left here; 0: there is none. */
export function forgottenMs(directory: string): number {
  const text = existsSync(forgottenPath(directory)) ? readFileSync(forgottenPath(directory), "utf8") : "";
  return /^\d{1,15}\n$/.test(text) ? Number(text) : Number.MAX_SAFE_INTEGER;
}

/** Before an epoch is removed that was over at that time. */
export function noteForgotten(directory: string, epoch: bigint, overMs: number): void {
  const hasNothing = isEnded(directory, epoch) && readEnded(directory, epoch).length === 0;
  if (!hasNothing && overMs > forgottenMs(directory)) write(directory, overMs);
}

function forgottenPath(directory: string): string {
  return join(directory, "forgotten");
}

function write(directory: string, ms: number): void {
  replace(forgottenPath(directory), Buffer.from(`${Math.ceil(ms)}\n`));
}

function replace(path: string, bytes: Buffer): void {
  const file = openSync(`${path}.new`, "w", 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}
