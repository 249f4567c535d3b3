// For specs: batches as a proxy makes them, signed and chained with a key that the parts below know. A writer per epoch keeps
// the chain; what is sent twice is made twice and is the same.
import { createHash, createHmac } from "node:crypto";
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { batchMac, firstLink, linkAfter, type Hmac, type Sha256 } from "@tollgate/kernel/fact-chain";
import {
  FactBatchSchema,
  FactSchema,
  ModelCallOutcome,
  ToolCallOutcome,
  UsageBasis,
  type Fact,
  type FactBatch,
  type ModelCallCompletedSchema,
  type ToolCallCompletedSchema,
} from "@tollgate/schema/usage";
import { epochKey } from "../provisions/epochs.ts";
import { ingest, type IngestParts } from "./ingest.ts";

const root = new Uint8Array(32).fill(3);
const sha256: Sha256 = (bytes) => createHash("sha256").update(bytes).digest();
const hmac: Hmac = (key, bytes) => createHmac("sha256", key).update(bytes).digest();

export const proxyId = "0123456789abcdef";

export function ingestParts(database: IngestParts["database"]): IngestParts & { refused: string[] } {
  const refused: string[] = [];
  return {
    ...{ database, refused, keyOf: (proxy: string, epoch: bigint) => epochKey(root, proxy, epoch) },
    onRefused: ({ code }) => void refused.push(code),
  };
}

/** By default they begin the epoch. */
export function batchOf(epoch: bigint, facts: readonly Fact[], before: Uint8Array = firstLink): FactBatch {
  return signed(
    epoch,
    facts.map((fact) => toBinary(FactSchema, fact)),
    before,
  );
}

export function signed(epoch: bigint, facts: Uint8Array[], before: Uint8Array): FactBatch {
  const content = { proxyId, epoch, before, facts };
  return create(FactBatchSchema, { ...content, mac: batchMac(hmac, epochKey(root, proxyId, epoch), content) });
}

/** The link after facts that follow `before`. */
export function linkOf(epoch: bigint, facts: readonly Fact[], before: Uint8Array = firstLink): Uint8Array {
  const key = epochKey(root, proxyId, epoch);
  return facts.reduce((link, fact) => linkAfter(sha256, key, link, toBinary(FactSchema, fact)), before);
}

let epochs = 0n;

/** Facts of an epoch of its own, all stored at once. `timeMs`: of calls that do not say when they were. */
export async function storeFacts(
  database: IngestParts["database"],
  timeMs: number,
  facts: readonly MessageInitShape<typeof FactSchema>[],
): Promise<void> {
  const numbered = facts.map((fact, index) =>
    create(FactSchema, { timeMs: BigInt(timeMs), requestId: `r${index}`, ...fact, seq: BigInt(index + 1) }),
  );
  await ingest(ingestParts(database), batchOf((epochs += 1n), numbered));
}

type Called = Exclude<MessageInitShape<typeof ToolCallCompletedSchema>, { $typeName: string }>;

/** A call of a tool that was answered. */
export function toolFact(costNanoUsd: bigint, more: Called): { kind: { case: "toolCallCompleted"; value: Called } } {
  return { kind: { case: "toolCallCompleted", value: { outcome: ToolCallOutcome.ANSWERED, costNanoUsd, ...more } } };
}

type Cost = Exclude<MessageInitShape<typeof ModelCallCompletedSchema>, { $typeName: string }>;

/** A call to a model of which the price was known. */
export function modelFact(costNanoUsd: bigint, more: Cost): { kind: { case: "modelCallCompleted"; value: Cost } } {
  const said = { outcome: ModelCallOutcome.ANSWERED, basis: UsageBasis.EXACT, priceVersion: "v1", costNanoUsd };
  return { kind: { case: "modelCallCompleted", value: { ...said, ...more } } };
}
