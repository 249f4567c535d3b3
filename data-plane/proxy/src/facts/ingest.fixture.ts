// For specs of the shipper: an ingest with the rules of the real one (control-plane `usage/ingest.ts`). At or below the cursor
// dropped, next contiguous taken, beyond it nothing; signed and chained, or it fails the test.
import { create, fromBinary } from "@bufbuild/protobuf";
import { batchMac, firstLink, linkAfter } from "@tollgate/kernel/fact-chain";
import { FactCursorSchema } from "@tollgate/schema/sync";
import { FactSchema, type Fact, type FactBatch } from "@tollgate/schema/usage";
import { expect } from "vitest";
import { hmac, sha256 } from "./node-hashes.ts";
import { testKey } from "./spool.fixture.ts";

export function factsIn({ facts }: FactBatch): Fact[] {
  return facts.map((bytes) => fromBinary(FactSchema, bytes));
}

/** What the real ingest keeps, with each number of the sequence as it was counted: twice would show. It holds who sends to the
 *  chain as the real one does: a batch must be signed, and continue or repeat what is there. */
export function fakeIngest() {
  type Cursor = { stored: bigint; counted: string[]; links: Map<bigint, string | undefined> };
  const epochs = new Map<bigint, Cursor>();
  const begin = (): Cursor => ({ stored: 0n, counted: [], links: new Map([[0n, hex(firstLink)]]) });
  return {
    take(batch: FactBatch): bigint {
      const { epoch } = batch;
      expect(hex(batch.mac)).toBe(hex(batchMac(hmac, testKey, batch)));
      const cursor = epochs.get(epoch) ?? begin();
      epochs.set(epoch, cursor);
      let link = batch.before;
      for (const [index, fact] of factsIn(batch).entries()) {
        const isLoss = fact.kind.case === "usageLost";
        if (isLoss) expect(batch.facts).toHaveLength(1);
        const last = fact.kind.case === "usageLost" ? fact.kind.value.lastSeq : fact.seq;
        if (fact.seq > cursor.stored + 1n) break;
        if (!isLoss) {
          expect(cursor.links.get(fact.seq - 1n) ?? hex(link)).toBe(hex(link));
          link = linkAfter(sha256, testKey, link, batch.facts[index] ?? new Uint8Array());
        }
        for (let seq = cursor.stored + 1n; seq <= last; seq++) {
          cursor.counted.push(isLoss ? `${seq} lost` : `${seq}`);
          cursor.links.set(seq, isLoss ? undefined : hex(link));
          cursor.stored = seq;
        }
      }
      return cursor.stored;
    },
    stored: (epoch: bigint): bigint => epochs.get(epoch)?.stored ?? 0n,
    counted: (epoch: bigint): string[] => epochs.get(epoch)?.counted ?? [],
    cursors: () => [...epochs].map(([epoch, { stored }]) => create(FactCursorSchema, { epoch, seq: stored })),
    forget: (epoch: bigint, stored: bigint) => epochs.set(epoch, { ...begin(), stored, links: new Map() }),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
