// A batch of facts as it came from outside, checked as a whole: it is contiguous facts of one epoch, or it is refused with
// a sentence. Text that PostgreSQL cannot hold is repaired rather than refused, because a client chose it and one strange
// tool name must not hold up an epoch. Pure; what was stored before is an argument.
import { fromBinary } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { limits } from "@tollgate/kernel/limits";
import type { Fact, FactBatch } from "@tollgate/schema/usage";
import { FactSchema, ToolCallOutcome } from "@tollgate/schema/usage";

/** A fact and the part of the sequence it stands for: its own `seq`, or a range where facts were lost. */
export type Span = { readonly first: bigint; readonly last: bigint; readonly fact: Fact };

export type FactSpans = {
  readonly proxyId: string;
  readonly epoch: bigint;
  readonly spans: readonly [Span, ...Span[]];
  readonly last: bigint;
};

/** PostgreSQL's bigint. */
export const int8Max = 2n ** 63n - 1n;
/** 9999-12-31: beyond it a date has another form. */
const timeMsMax = 253_402_300_799_999n;
const idPattern = /^[0-9A-Za-z_-]{1,64}$/;

export function checkBatch(batch: FactBatch): FactSpans {
  const { proxyId, epoch, facts } = batch;
  if (!idPattern.test(proxyId)) throw invalid("The batch names no proxy.");
  if (epoch < 1n || epoch > int8Max) throw invalid("The batch names no epoch.");
  if (facts.length > limits.factsPerBatchMax) throw invalid(`A batch has at most ${limits.factsPerBatchMax} facts.`);
  const [first, ...others] = facts.map(decoded);
  if (first === undefined) throw invalid("The batch is empty.");
  const spans: [Span, ...Span[]] = [spanOf(first)];
  let { last } = spans[0];
  for (const fact of others) {
    const span = spanOf(fact);
    if (span.first !== last + 1n) throw invalid(`Fact ${span.first} does not follow fact ${last}.`);
    spans.push(span);
    last = span.last;
  }
  return { proxyId, epoch, spans, last };
}

function decoded(bytes: Uint8Array, index: number): Fact {
  try {
    return fromBinary(FactSchema, bytes);
  } catch {
    throw invalid(`Item ${index + 1} of the batch is no fact.`);
  }
}

function spanOf(fact: Fact): Span {
  const first = fact.seq;
  const last = fact.kind.case === "usageLost" ? fact.kind.value.lastSeq : first;
  if (first < 1n || last < first || last > int8Max) throw invalid(`Fact ${first} has no place in a sequence.`);
  if (fact.timeMs < 0n || fact.timeMs > timeMsMax) throw invalid(`Fact ${first} has no time.`);
  if (fact.kind.case === "toolCallCompleted" && fact.kind.value.outcome === ToolCallOutcome.UNSPECIFIED) {
    throw invalid(`Fact ${first} has no outcome.`);
  }
  return { first, last, fact };
}

/** What of a batch is new after `stored`: nothing new is an empty list, facts missing before it are a hole. */
export function newSpans({ spans }: FactSpans, stored: bigint): readonly Span[] | "hole" {
  if (spans[0].first > stored + 1n) return "hole";
  return spans
    .filter(({ last }) => last > stored)
    .map((span) => (span.first > stored ? span : { ...span, first: stored + 1n }));
}

function invalid(detail: string): TollgateError {
  return new TollgateError("usage.invalid", detail);
}
