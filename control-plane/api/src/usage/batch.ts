// A batch of facts as it came from outside, checked as a whole: it is signed with its epoch's key and holds contiguous facts,
// each with its link in the epoch's chain, or it is refused with a sentence. Text that PostgreSQL cannot hold is repaired rather than refused, because a client chose it and one strange
// tool name must not hold up an epoch. Pure; what was stored before is an argument.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { batchMac, linkAfter, linkBytes, type Hmac, type Sha256 } from "@tollgate/kernel/fact-chain";
import { limits } from "@tollgate/kernel/limits";
import type { Fact, FactBatch } from "@tollgate/schema/usage";
import { FactSchema, ModelCallOutcome, ToolCallOutcome } from "@tollgate/schema/usage";

/** A fact and the part of the sequence it stands for: its own `seq`, or a range where facts were lost. */
export type Span = {
  readonly first: bigint;
  readonly last: bigint;
  readonly fact: Fact;
  /** Undefined for a loss. */
  readonly link: Uint8Array | undefined;
};

export type FactSpans = {
  readonly proxyId: string;
  readonly epoch: bigint;
  readonly spans: readonly [Span, ...Span[]];
  readonly last: bigint;
  /** The link before the first; undefined where it is a loss. */
  readonly before: Uint8Array | undefined;
};

/** PostgreSQL's bigint. */
export const int8Max = 2n ** 63n - 1n;
/** 9999-12-31: beyond it a date has another form. */
const timeMsMax = 253_402_300_799_999n;
const idPattern = /^[0-9A-Za-z_-]{1,64}$/;

/** `keyOf`: the key of an epoch, known for every one that was or will be given. */
export function checkBatch(batch: FactBatch, keyOf: (proxyId: string, epoch: bigint) => Uint8Array): FactSpans {
  const { proxyId, epoch, facts, before } = batch;
  if (!idPattern.test(proxyId)) throw invalid("The batch names no proxy.");
  if (epoch < 1n || epoch > int8Max) throw invalid("The batch names no epoch.");
  if (facts.length > limits.factsPerBatchMax) throw invalid(`A batch has at most ${limits.factsPerBatchMax} facts.`);
  const key = keyOf(proxyId, epoch);
  if (!timingSafeEqual(sized(batch.mac), batchMac(hmac, key, batch))) throw new TollgateError("usage.forged");
  const [first, ...others] = facts;
  if (first === undefined) throw invalid("The batch is empty.");
  const one = spanOf(decoded(first, 0));
  if (one.fact.kind.case === "usageLost") {
    if (others.length > 0) throw invalid("A loss comes alone.");
    return { proxyId, epoch, spans: [{ ...one, link: undefined }], last: one.last, before: undefined };
  }
  if (before.length !== linkBytes) throw invalid("The batch does not say what its first fact follows.");
  let link = linkAfter(sha256, key, before, first);
  const spans: [Span, ...Span[]] = [{ ...one, link }];
  let { last } = one;
  for (const [index, bytes] of others.entries()) {
    const span = spanOf(decoded(bytes, index + 1));
    if (span.fact.kind.case === "usageLost") throw invalid("A loss comes alone.");
    if (span.first !== last + 1n) throw invalid(`Fact ${span.first} does not follow fact ${last}.`);
    link = linkAfter(sha256, key, link, bytes);
    spans.push({ ...span, link });
    last = span.last;
  }
  return { proxyId, epoch, spans, last, before };
}

/** So that a comparison in constant time can be made of what anyone may have sent. */
function sized(mac: Uint8Array): Uint8Array {
  return mac.length === linkBytes ? mac : new Uint8Array(linkBytes);
}

const sha256: Sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const hmac: Hmac = (key, bytes) => createHmac("sha256", key).update(bytes).digest();

function decoded(bytes: Uint8Array, index: number): Fact {
  try {
    return fromBinary(FactSchema, bytes);
  } catch {
    throw invalid(`Item ${index + 1} of the batch is no fact.`);
  }
}

function spanOf(fact: Fact): Omit<Span, "link"> {
  const first = fact.seq;
  const last = fact.kind.case === "usageLost" ? fact.kind.value.lastSeq : first;
  if (first < 1n || last < first || last > int8Max) throw invalid(`Fact ${first} has no place in a sequence.`);
  if (fact.timeMs < 0n || fact.timeMs > timeMsMax) throw invalid(`Fact ${first} has no time.`);
  if (!hasOutcome(fact)) throw invalid(`Fact ${first} has no outcome.`);
  return { first, last, fact };
}

function hasOutcome({ kind }: Fact): boolean {
  if (kind.case === "toolCallCompleted") return kind.value.outcome !== ToolCallOutcome.UNSPECIFIED;
  if (kind.case === "modelCallCompleted") return kind.value.outcome !== ModelCallOutcome.UNSPECIFIED;
  return true;
}

/** What of a batch is new after `stored`: nothing new is an empty list, facts missing before it are a hole. */
export function newSpans({ spans }: FactSpans, stored: bigint): readonly Span[] | "hole" {
  if (spans[0].first > stored + 1n) return "hole";
  return spans
    .filter(({ last }) => last > stored)
    .map((span) => (span.first > stored ? span : { ...span, first: stored + 1n }));
}

/** Where a batch and what is stored meet: the fact whose links, ours and theirs, must be one. Undefined where they do not. */
export function meeting(
  { before, spans, last }: FactSpans,
  stored: bigint,
): { seq: bigint; link: Uint8Array } | undefined {
  const [{ first }] = spans;
  if (before === undefined || first > stored + 1n) return undefined;
  const seq = last < stored ? last : stored;
  const link = seq < first ? before : spans[Number(seq - first)]?.link;
  return link && { seq, link };
}

function invalid(detail: string): TollgateError {
  return new TollgateError("usage.invalid", detail);
}
