// The digests that proxies ought to have, summed over the stored resources at one position, to find a proxy whose state is
// not the log's. Summing reads every resource, so it is done when somebody asks about a later position, and no more often
// than that it takes a small part of the time. A position for which none are at hand is not compared.

import { digestBytes, entryHash } from "@tollgate/kernel/replica";
import type { ReportRequest } from "@tollgate/schema/sync";
import type { Database } from "../database.ts";
import { readResources } from "../projections/replica.ts";

export type Digests = {
  /** Kinds of a report whose digest is not the log's at its position. */
  diverged(report: Pick<ReportRequest, "applied" | "digests" | "nacks" | "nackCount">): string[];
  /** Resolves when what is being summed is there. */
  settled(): Promise<void>;
};

export type DigestsParts = {
  database: Database;
  onProblem: (error: unknown) => void;
  monotonicMs?: () => number;
};

const everyMsMin = 5_000;
/** The part of the time that summing may take: one of so many. */
const share = 20;

export function createDigests({ database, onProblem, monotonicMs = () => performance.now() }: DigestsParts): Digests {
  let known: { position: bigint; sums: ReadonlyMap<string, bigint> } | undefined;
  let summing: Promise<void> | undefined;
  let notBeforeMs = Number.NEGATIVE_INFINITY;

  function look(position: bigint): void {
    if (summing || (known && known.position >= position) || monotonicMs() < notBeforeMs) return;
    const startMs = monotonicMs();
    summing = sum(database)
      .then((found) => void (known = found), onProblem)
      .finally(() => {
        summing = undefined;
        notBeforeMs = monotonicMs() + Math.max(everyMsMin, (monotonicMs() - startMs) * share);
      });
  }

  return {
    diverged({ applied, digests, nacks, nackCount }) {
      look(applied);
      if (known?.position !== applied || nackCount > BigInt(nacks.length)) return [];
      const { sums } = known;
      // What a proxy cannot enforce it does not hold: its kind is known to differ, and said to already.
      const refusing = new Set(
        nacks.filter(({ scope }) => !scope.endsWith("/*")).map(({ scope }) => scope.split("/")[0]),
      );
      return digests
        .filter(({ kind }) => !refusing.has(kind))
        .filter(({ kind, digest }) => Buffer.compare(digest, digestBytes(sums.get(kind) ?? 0n)) !== 0)
        .map(({ kind }) => kind);
    },
    settled: async () => summing,
  };
}

async function sum(database: Database): Promise<{ position: bigint; sums: Map<string, bigint> }> {
  const sums = new Map<string, bigint>();
  const { position } = await readResources(database, async (page) => {
    for (const { kind, id, body } of page)
      sums.set(kind, BigInt.asUintN(128, (sums.get(kind) ?? 0n) + entryHash(kind, id, body)));
    // Other work has its turn between two pages.
    await new Promise((resolve) => setImmediate(resolve));
  });
  return { position, sums };
}
