// How the charges of a call stand, as the head of its answer tells it. That changes with each answer of the ledger, and where a
// budget comes to its next per cent; in between it is the same for all calls that hold of the same leases. Under load that is
// thousands of calls for each answer, so it is put into words once. Of several budgets that are as full by whole per cents the one
// is told that was the fuller then.

import type { AccountNews } from "@tollgate/kernel/lending/lease";
import type { Hold } from "@tollgate/kernel/lending/lease-book";
import type { Tell } from "../pipeline/allowance.ts";
import type { Desk } from "./desk.ts";
import { standingOf, type Charge } from "./standing.ts";

type Part = Hold["parts"][number];
type Lease = Part["lease"];

type Told = { readonly tell: Tell; readonly of: readonly Seen[]; readonly text: string };

/**
 * `news`: of a lease, and with the next answer it has others. `until`: from when so much of it is settled on, something else is to
 * be told; undefined where that changes nothing.
 */
type Seen = { readonly news: AccountNews | undefined; readonly until: bigint | undefined };

/** Lists that calls have in common, each with what was told last of it. */
const common = new WeakMap<readonly Charge[], { last: Told | undefined }>();

/** Of other lists nothing is kept: they are gone with their call. */
export function inCommon(charges: readonly Charge[]): readonly Charge[] {
  common.set(charges, { last: undefined });
  return charges;
}

export function toldOf(
  desk: Pick<Desk, "now" | "news">,
  charges: readonly Charge[],
  { parts }: Hold,
  tell: Tell,
): string {
  const kept = common.get(charges);
  if (kept?.last?.tell === tell && isStillSo(kept.last.of, parts)) return kept.last.text;
  const standing = standingOf(desk, charges);
  const text = tell(standing, desk.now().wallMs);
  // In how long a window has room is another at each moment. Where an account is over, it is of the next one that is told.
  const isLasting =
    standing.limits.every(({ resetMs }) => resetMs === undefined) && parts.every(({ lease }) => !lease.isOver);
  if (kept !== undefined) kept.last = isLasting ? { tell, of: parts.map(seenIn), text } : undefined;
  return text;
}

function isStillSo(seen: readonly Seen[], parts: readonly Part[]): boolean {
  if (seen.length !== parts.length) return false;
  for (const [at, { lease }] of parts.entries()) {
    const before = seen[at];
    if (before === undefined || before.news !== lease.news) return false;
    if (before.until !== undefined && lease.settled >= before.until) return false;
  }
  return true;
}

function seenIn({ lease, covers }: Part): Seen {
  const isBudget = lease.kind === "money" && covers === undefined;
  return { news: lease.news, until: isBudget ? nextPercentAt(lease) : undefined };
}

/** What of the lease is settled then. */
function nextPercentAt(lease: Lease): bigint | undefined {
  const now = lease.newsNow();
  if (now === undefined) return undefined;
  const { limit, settled } = now;
  if (limit <= 0n) return lease.settled + 1n;
  const percent = (settled * 100n) / limit;
  // At a whole one it is reached, and with the next nano-dollar passed.
  const next = percent * limit === settled * 100n ? settled + 1n : ((percent + 1n) * limit + 99n) / 100n;
  return lease.settled + next - settled;
}
