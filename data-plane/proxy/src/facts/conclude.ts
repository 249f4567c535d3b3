// The end of an epoch whose worker is gone: calls that were to go out and have no outcome in the spool become facts that say
// so, behind the last that the worker wrote. One to a model costs what it can have cost at most: nobody knows what the provider
// did, and what was spent must not be forgotten. It is done before anything of the epoch's end is sent, by the one process that
// sends, and doing it twice does it once: what was concluded has no open intent any more.
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { firstLink } from "@tollgate/kernel/fact-chain";
import { CallIntentSchema, FactSchema, ModelCallOutcome, ToolCallOutcome, UsageBasis } from "@tollgate/schema/usage";
import type { CallIntent } from "@tollgate/schema/usage";
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { createFactWriter, type FactInit } from "./fact-writer.ts";
import { listSegments, readSegment, recordsIn, segmentPath, unfinishedPath, type Segment } from "./spool-file.ts";
import { lastTotals } from "./totals.ts";

/** How many calls it found without an outcome. */
export function concludeEpoch(directory: string, epoch: bigint, key: Uint8Array): number {
  const end = endOf(directory, epoch);
  if (end.open.size === 0) return 0;
  const writer = createFactWriter(key, end.link ?? firstLink);
  let { seq } = end;
  for (const intent of end.open.values()) {
    seq += 1n;
    const { requestId, timeMs } = intent;
    writer.addFact(seq, Number(timeMs), { requestId, kind: unknownOutcome(intent) });
  }
  const facts = writer.take();
  // The segment of that name may be the only one that says what was held of leases.
  const opening = writer.opening([], lastTotals(directory, epoch));
  replace(directory, epoch, end.seq + 1n, Buffer.concat([opening, facts]));
  return end.open.size;
}

/** All that was known before the call went out. */
function unknownOutcome(intent: CallIntent): FactInit["kind"] {
  const { keyId, teamId, userId, customerId, labels, sessionId, clientName, clientVersion, requestBytes, door } =
    intent;
  const whose = { keyId, teamId, userId, customerId, labels, sessionId, clientName, clientVersion, requestBytes };
  if (door === "") {
    const { serverId, server, tool, method, clientEra, toolUseId, costNanoUsd, isPriceUnknown, accounts } = intent;
    const about = { serverId, server, tool, method, clientEra, toolUseId, costNanoUsd, isPriceUnknown, accounts };
    return { case: "toolCallCompleted", value: { ...whose, ...about, outcome: ToolCallOutcome.UNKNOWN } };
  }
  const { operation, modelAsked, providerId, provider, model, agentId, parentAgentId, accounts } = intent;
  const about = { door, operation, modelAsked, providerId, provider, model, agentId, parentAgentId, accounts };
  const spent = { costNanoUsd: intent.boundNanoUsd, priceVersion: intent.priceVersion, basis: UsageBasis.ESTIMATED };
  return { case: "modelCallCompleted", value: { ...whose, ...about, ...spent, outcome: ModelCallOutcome.UNKNOWN } };
}

type End = { seq: bigint; link: Uint8Array | undefined; open: Map<string, CallIntent> };

/** Backwards to a segment that says what was open when it began, then on to the end. */
function endOf(directory: string, epoch: bigint): End {
  const segments = listSegments(directory, epoch);
  const end: End = { seq: 0n, link: undefined, open: new Map() };
  const contents: { segment: Segment; bytes: Uint8Array }[] = [];
  for (const segment of segments.toReversed()) {
    const bytes = readSegment(segment, 0) ?? new Uint8Array();
    contents.unshift({ segment, bytes });
    if (bytes.length > 0) break;
  }
  for (const { segment, bytes } of contents) {
    end.seq = segment.firstSeq - 1n;
    end.link = undefined;
    for (const record of recordsIn(bytes)) {
      if ("link" in record) ({ link: end.link } = record);
      if (record.kind === "intent") begin(end.open, record.intent);
      if (record.kind === "fact") {
        end.seq += 1n;
        end.open.delete(requestIdOf(record.fact) ?? "");
      }
    }
  }
  return end;
}

function begin(open: Map<string, CallIntent>, bytes: Uint8Array): void {
  try {
    const intent = fromBinary(CallIntentSchema, bytes);
    open.set(intent.requestId, intent);
  } catch {
    // Damage that a CRC does not see: of this call nothing is known but that the epoch's counts hold it.
  }
}

/** The third field of a fact, without decoding the rest. */
function requestIdOf(fact: Uint8Array): string | undefined {
  try {
    const reader = new BinaryReader(fact);
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      if (field === FactSchema.field.requestId.number && wire === WireType.LengthDelimited) return reader.string();
      reader.skip(wire, field);
    }
  } catch {
    return undefined;
  }
  return undefined;
}

/** As a whole or not at all: a segment of that name holds no fact. */
function replace(directory: string, epoch: bigint, firstSeq: bigint, bytes: Uint8Array): void {
  const unfinished = unfinishedPath(directory, epoch);
  const file = openSync(unfinished, "w", 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, segmentPath(directory, epoch, firstSeq));
}
