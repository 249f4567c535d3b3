// What a report may hold, looked at before anything of it is stored: a proxy is certified and may still be stolen or wrong,
// and what it says becomes rows, columns of a type and other people's screens. A report beyond it is refused as a whole,
// with a sentence that names the field. The bounds are some times what an honest proxy sends. Pure.

import { TollgateError } from "@tollgate/kernel/errors";
import type { ReportRequest } from "@tollgate/schema/sync";
import { int8Max } from "../usage/batch.ts";

const epochsMax = 10_000;
const nacksMax = 1_000;
const digestsMax = 100;
const namesMax = 1_000;
const textCharsMax = 256;
const scopeCharsMax = 512;
/** A reason quotes an error; what is stored of it is cut, so that no error's length silences its proxy. */
const reasonCharsMax = 10_000;
const hashBytesMax = 64;
/** PostgreSQL's integer. */
const int4Max = 2 ** 31 - 1;

/** Throws `request.invalid`. Of an epoch that is named twice the last stands. */
export function boundedReport(report: ReportRequest): ReportRequest {
  const { environment, region, software, source, log, nacks, digests, knows, spooled, counts } = report;
  const { eventTypes = [], features = [] } = knows ?? {};
  most("epochs in `spooled`", spooled, epochsMax);
  most("epochs in `counts`", counts, epochsMax);
  most("nacks", nacks, nacksMax);
  most("digests", digests, digestsMax);
  most("event types", eventTypes, namesMax);
  most("features", features, namesMax);
  for (const [name, value] of Object.entries({ environment, region, software, source, log: log?.id ?? "" }))
    text(name, value, textCharsMax);
  for (const name of [...eventTypes, ...features]) text("knows", name, textCharsMax);
  for (const { scope, reason } of nacks) {
    text("scope", scope, scopeCharsMax);
    text("reason", reason, reasonCharsMax);
  }
  for (const { kind, digest } of digests) {
    text("kind", kind, textCharsMax);
    hash("digest", digest);
  }
  for (const { link } of spooled) hash("link", link);
  hash("hash", report.hash);
  atMost("workers", BigInt(report.workers), BigInt(int4Max));
  atMost("incarnation", BigInt(log?.incarnation ?? 0), BigInt(int4Max));
  for (const [name, value] of Object.entries({
    applied: report.applied,
    ageMs: report.ageMs ?? 0n,
    nackCount: report.nackCount,
  }))
    atMost(name, value, int8Max);
  for (const { epoch, seq } of [...spooled, ...counts])
    for (const value of [epoch, seq]) atMost("epoch", value, int8Max);
  return { ...report, spooled: lastOfEach(spooled), counts: lastOfEach(counts) };
}

function most(what: string, list: readonly unknown[], max: number): void {
  if (list.length > max) throw invalid(`${what}: ${max} at most`);
}

function text(name: string, value: string, charsMax: number): void {
  if (value.length > charsMax || value.includes("\0")) throw invalid(`${name}: ${charsMax} characters at most, no NUL`);
}

function hash(name: string, { length }: Uint8Array): void {
  if (length > hashBytesMax) throw invalid(`${name}: ${hashBytesMax} bytes at most`);
}

function atMost(name: string, value: bigint, max: bigint): void {
  if (value > max) throw invalid(`${name}: ${max} at most`);
}

function lastOfEach<Of extends { epoch: bigint }>(list: readonly Of[]): Of[] {
  return [...new Map(list.map((one) => [one.epoch, one])).values()];
}

function invalid(bound: string): TollgateError {
  return new TollgateError("request.invalid", `In a report, ${bound}.`);
}
