// The ingest without PostgreSQL: what is stored is a plain value that can be copied (a backup) and put back (a restore), and
// every rule by which a batch is taken or refused is the real one. It also stands for the topic's consumer, whose place is
// stored with the facts.
import { createHmac } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { TollgateError } from "@tollgate/kernel/errors";
import { firstLink } from "@tollgate/kernel/fact-chain";
import { FactCursorSchema, type FactCursor } from "@tollgate/schema/sync";
import type { FactBatch } from "@tollgate/schema/usage";
import { checkBatch, meeting, newSpans } from "@tollgate/api/usage/batch";

export type StoredRow = { seq: bigint; last: bigint; requestId: string; isLoss: boolean; link: Uint8Array | undefined };
type Cursor = { stored: bigint; link: Uint8Array | undefined; rows: StoredRow[] };

export type IngestBug = "no-chain" | "counts-twice";

export type SimulatedIngest = {
  /** Throws as the real one does. */
  take(batch: FactBatch): bigint;
  /** Reads the topic on, as far as it goes. */
  consume(topic: readonly FactBatch[]): void;
  /** As the real one answers a report: see `storedCursors`. */
  report(proxyId: string, spooled: readonly FactCursor[]): { stored: FactCursor[]; forked: bigint[] };
  cursors(): ReadonlyMap<string, Cursor>;
  backUp(): () => void;
};

export function epochKeyOf(proxyId: string, epoch: bigint): Uint8Array {
  return createHmac("sha256", "simulated").update(`${proxyId}/${epoch}`).digest();
}

export function simulateIngest(bug: IngestBug | undefined): SimulatedIngest {
  let epochs = new Map<string, Cursor>();
  let consumed = 0;

  function take(batch: FactBatch): bigint {
    const facts = checkBatch(batch, epochKeyOf);
    const name = `${facts.proxyId}/${facts.epoch}`;
    const cursor = epochs.get(name) ?? { stored: 0n, link: firstLink, rows: [] };
    epochs.set(name, cursor);
    const met = bug === "no-chain" ? undefined : meeting(facts, cursor.stored);
    const ours = met && (met.seq === cursor.stored ? cursor.link : linkAt(cursor, met.seq));
    if (met && ours && Buffer.compare(ours, met.link) !== 0) throw new TollgateError("usage.forked", name);
    const spans = bug === "counts-twice" ? facts.spans : newSpans(facts, cursor.stored);
    if (spans === "hole" || spans.length === 0) return cursor.stored;
    for (const { first, last, fact, link } of spans)
      cursor.rows.push({ seq: first, last, requestId: fact.requestId, isLoss: fact.kind.case === "usageLost", link });
    cursor.stored = facts.last > cursor.stored ? facts.last : cursor.stored;
    cursor.link = spans.at(-1)?.link;
    return cursor.stored;
  }

  return {
    take,
    consume(topic) {
      for (; consumed < topic.length; consumed++) {
        const batch = topic[consumed];
        try {
          if (batch) take(batch);
        } catch (error) {
          // A record that will never be taken is passed over and told.
          if (!(error instanceof TollgateError)) throw error;
        }
      }
    },
    report(proxyId, spooled) {
      const answer: { stored: FactCursor[]; forked: bigint[] } = { stored: [], forked: [] };
      for (const { epoch, seq, link } of spooled) {
        const cursor = epochs.get(`${proxyId}/${epoch}`);
        if (cursor === undefined) {
          answer.stored.push(create(FactCursorSchema, { epoch, seq: 0n }));
          continue;
        }
        const ours = seq <= cursor.stored ? linkAt(cursor, seq) : undefined;
        if (bug !== "no-chain" && ours && link.length > 0 && Buffer.compare(ours, link) !== 0)
          answer.forked.push(epoch);
        else
          answer.stored.push(
            create(FactCursorSchema, { epoch, seq: cursor.stored, link: cursor.link ?? new Uint8Array() }),
          );
      }
      return answer;
    },
    cursors: () => epochs,
    backUp() {
      const kept = structuredClone(epochs);
      const place = consumed;
      return () => {
        epochs = structuredClone(kept);
        consumed = place;
      };
    },
  };
}

function linkAt({ rows }: Cursor, seq: bigint): Uint8Array | undefined {
  return rows.find((row) => row.seq === seq)?.link;
}
