// What must be true of facts in the end, whatever happened: each number of an epoch is one fact or one stated loss, no fact is
// counted twice, an epoch has one writer, and what a worker wrote is stored, stated as lost, or still on the disk of a proxy
// that was found to be a copy. Only what went with a lost disk may be missing, and then from a sequence's end.
import type { StoredRow } from "./simulated-ingest.ts";

/** A fact that a worker was told is in its file. */
export type Written = {
  /** Of the disk it is on. */
  directory: string;
  proxyId: string;
  epoch: bigint;
  seq: bigint;
  requestId: string;
  isDiskLost: boolean;
};

type Cursors = ReadonlyMap<string, { stored: bigint; rows: readonly StoredRow[] }>;

export function violationIn(
  cursors: Cursors,
  written: readonly Written[],
  forked: ReadonlySet<string>,
): string | undefined {
  const seen = new Map<string, string>();
  for (const [epoch, { stored, rows }] of cursors) {
    let next = 1n;
    for (const row of rows) {
      if (row.seq !== next) return `${epoch} has ${row.seq} where ${next} belongs`;
      next = row.last + 1n;
      if (row.isLoss) continue;
      const other = seen.get(row.requestId);
      if (other !== undefined) return `${row.requestId} is counted in ${other} and in ${epoch}`;
      seen.set(row.requestId, epoch);
    }
    if (next !== stored + 1n) return `${epoch} says ${stored} and has ${next - 1n}`;
  }
  for (const one of written) {
    if (seen.has(one.requestId) || one.isDiskLost || forked.has(one.directory)) continue;
    const rows = cursors.get(`${one.proxyId}/${one.epoch}`)?.rows ?? [];
    const isStated = rows.some(({ isLoss, seq, last }) => isLoss && seq <= one.seq && one.seq <= last);
    if (!isStated) return `${one.requestId} (${one.proxyId}/${one.epoch}, ${one.seq}) is gone without a word`;
  }
  return writersOf(cursors, written);
}

/** The facts of one epoch come from one disk, or from what was on it when it was copied and then from one of the two. */
function writersOf(cursors: Cursors, written: readonly Written[]): string | undefined {
  const directories = new Map(written.map(({ requestId, directory }) => [requestId, directory]));
  for (const [epoch, { rows }] of cursors) {
    const order = rows.flatMap(({ requestId }) => directories.get(requestId) ?? []);
    const changes = order.filter((directory, index) => index > 0 && directory !== order[index - 1]).length;
    if (changes > 1) return `${epoch} mixes what several wrote`;
  }
  return undefined;
}
