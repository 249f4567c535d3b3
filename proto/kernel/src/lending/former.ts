// What the boots of a proxy that are over have to say of their leases, said by the boot that has their disk. A lease is said with
// all that is known of it, absolutely, so that saying it again changes nothing. As long as the ledger is whole it is enough to
// end what a boot left; after a restore from a backup all boots are spoken for, because the ledger may know none of what they
// were lent. It also says whether that was all: whoever cannot speak for one of his boots, or has forgotten one that the backup
// does not know the end of, has not restated. Which disk may speak for which boot is decided by who reads it.

import { limits } from "../limits.ts";

/** `account`: empty where the disk does not say it. */
export type FormerLease = {
  readonly lease: number;
  readonly subject: string;
  readonly account: string;
  readonly settled: bigint;
  readonly open: bigint;
};

export type Former<Boot> = {
  readonly boot: Boot;
  /** All that ever held anything; undefined where what is on the disk need not be that. */
  readonly leases: readonly FormerLease[] | undefined;
  /** The ledger has ended its leases with these numbers, and nobody changes them any more. */
  readonly isEnded: boolean;
};

export type OfFormer<Boot> = FormerLease & { readonly boot: Boot };

export type KnownToLedger<Boot> = {
  /** After a restore, until everybody has restated. */
  readonly isFrozen: boolean;
  /** By the ledger's clock: what happened before it is in the backup that it was restored from. */
  readonly knownUntilMs: number | undefined;
  /** What it still counts as lent to boots that are over. */
  readonly held: readonly OfFormer<Boot>[];
};

export type Told<Boot> = {
  readonly said: readonly OfFormer<Boot>[];
  /** Nothing of any boot is left out. Worth something only while the ledger is frozen: else ended boots are not said again. */
  readonly isAll: boolean;
  /** The boots of which all is said. */
  readonly whole: ReadonlySet<Boot>;
};

/** `forgottenMs`: by the disk's clock, when the last of the boots was over that it does not have any more; 0: it has all. */
export function tellFormers<Boot>(
  formers: readonly Former<Boot>[],
  { isFrozen, knownUntilMs = 0, held }: KnownToLedger<Boot>,
  forgottenMs: number,
): Told<Boot> {
  const said: OfFormer<Boot>[] = [];
  const whole = new Set<Boot>();
  for (const { boot, leases, isEnded } of formers) {
    const lent = held.filter((one) => one.boot === boot);
    if (leases === undefined || (isEnded && !isFrozen && lent.length === 0)) continue;
    const named = leases.map((lease) => (lease.account === "" ? namedIn(lent, lease) : lease));
    said.push(...named.filter(({ account }) => account !== "").map((lease) => ({ ...lease, boot })));
    // What is not on the disk never held anything; what the ledger heard of it is no less.
    said.push(...lent.filter(({ lease }) => !leases.some((one) => one.lease === lease)));
    if (named.every(({ account, settled, open }) => account !== "" || settled + open === 0n)) whole.add(boot);
  }
  const isKnown = forgottenMs === 0 || forgottenMs + limits.clockSkewMs <= knownUntilMs;
  const isAll = isKnown && formers.every(({ boot }) => whole.has(boot)) && held.every(({ boot }) => whole.has(boot));
  return { said, isAll, whole };
}

function namedIn<Boot>(lent: readonly OfFormer<Boot>[], lease: FormerLease): FormerLease {
  const known = lent.find((one) => one.lease === lease.lease);
  return known === undefined ? lease : { ...lease, subject: known.subject, account: known.account };
}
