// For specs: a spool with facts in it, written as the recorder writes them, and what a reader tells of it in words.
import { fromBinary } from "@bufbuild/protobuf";
import { firstLink, linkAfter } from "@tollgate/kernel/fact-chain";
import { FactSchema, type Fact } from "@tollgate/schema/usage";
import { writeFileSync } from "node:fs";
import { createFactWriter, type FactInit } from "./fact-writer.ts";
import { sha256 } from "./node-hashes.ts";
import { recordsIn, segmentPath } from "./spool-file.ts";
import { openEpochReader, type ReadBound, type Stretch } from "./spool-reader.ts";

export const testKey = new Uint8Array(32).fill(7);
export const everything: ReadBound = { factsMax: 1_000_000, bytesMax: 1_000_000_000 };

export function refusal(requestId: string): FactInit {
  return { requestId, kind: { case: "callRefused", value: { code: "auth.key-unknown", door: "mcp" } } };
}

/** One segment of facts whose sizes differ; answers its records, what it begins with first. */
export function writeSegment(directory: string, epoch: bigint, firstSeq: bigint, count: number): Uint8Array[] {
  const writer = createFactWriter(testKey, linkBefore(firstSeq));
  for (let i = 0; i < count; i++) writer.addFact(firstSeq + BigInt(i), 1, factOf(firstSeq + BigInt(i)));
  const facts = Buffer.from(writer.take());
  const bytes = Buffer.concat([writer.opening([]), facts]);
  writeFileSync(segmentPath(directory, epoch, firstSeq), bytes);
  return recordsOf(bytes);
}

function factOf(seq: bigint): FactInit {
  return refusal("r".repeat(Number((seq * 7n) % 31n)));
}

/** The link that the chain of `writeSegment`s has before a fact. */
function linkBefore(seq: bigint): Uint8Array {
  const writer = createFactWriter(testKey);
  let link: Uint8Array = firstLink;
  for (let before = 1n; before < seq; before++) {
    writer.addFact(before, 1, factOf(before));
    for (const record of recordsIn(writer.take())) if (record.kind === "fact") ({ link } = record);
  }
  return link;
}

export function recordsOf(bytes: Uint8Array): Uint8Array[] {
  let from = 0;
  return [...recordsIn(bytes)].map(({ end }) => {
    const record = bytes.subarray(from, end);
    from = end;
    return record;
  });
}

/** All that a reader says after `after`, and that each stretch holds together. */
export function readAll(directory: string, epoch: bigint, after = 0n, bound = everything): Fact[] {
  const reader = openEpochReader(directory, epoch, () => 5);
  const facts: Fact[] = [];
  let last = after;
  for (;;) {
    const stretch = reader.read(last, bound);
    if (stretch === undefined) return facts;
    if (stretch.first !== last + 1n) throw new Error(`${stretch.first} does not follow ${last}`);
    facts.push(...factsIn(stretch));
    ({ last } = stretch);
  }
}

export function factsIn({ facts }: Pick<Stretch, "facts">): Fact[] {
  return facts.map((bytes) => fromBinary(FactSchema, bytes));
}

export function named(facts: readonly Fact[]): string[] {
  return facts.map(({ seq, kind }) => (kind.case === "usageLost" ? `lost ${seq}-${kind.value.lastSeq}` : `${seq}`));
}

/** The link after the facts of a stretch. */
export function linkAtEnd({ before, facts }: Stretch): Uint8Array {
  return facts.reduce((link, fact) => linkAfter(sha256, testKey, link, fact), before);
}
