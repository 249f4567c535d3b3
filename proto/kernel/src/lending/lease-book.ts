// All leases of one holder. A call holds of every account that it is charged to, or of none; what is lacking is drawn, and the
// call waits for it outside. When an account is over its lease is held no more, and the next call draws from its successor; a
// call stays charged to the account that it held of. It does no more than keep books: when to send, and who waits, is decided
// elsewhere.

import type { AccountKind, Statement } from "./account.ts";
import type { FormerLease } from "./former.ts";
import { Lease, type Clocks, type LeaseAnswer } from "./lease.ts";

export type Ask = {
  readonly subject: string;
  readonly kind: AccountKind;
  readonly amount: bigint;
  /** Of an exposure: the subject of the same call that may cost more than it holds, by as much as is held here. */
  readonly covers?: string;
};

/** What one call holds. */
export type Hold = { readonly parts: readonly HoldPart[] };
type HoldPart = { readonly lease: Lease; readonly covers: string | undefined; held: bigint };

/** More was spent of a lease than was lent in it, and stays exposed until the ledger has found room for it. */
type Excess = { readonly spent: Lease; readonly revision: bigint; readonly exposure: Lease; readonly amount: bigint };

/** `lacking`: by how much. `silent`: the ledger was not heard of for too long, and the lease may not be used. */
export type Lack = { readonly ask: Ask; readonly lease: Lease; readonly lacking: bigint; readonly isSilent: boolean };

export type DueStatement = { readonly lease: Lease; readonly statement: Statement };

export class LeaseBook {
  private readonly autonomyMs: number;
  private readonly current = new Map<string, Lease>();
  private readonly all = new Map<number, Lease>();
  private changed: Lease[] = [];
  private excesses: Excess[] = [];
  /** Whether the ledger, come back from a backup, did not know yet what it had lent when it was heard last. */
  private isUnsure = false;
  private lastNumber = 0;

  constructor(autonomyMs: number) {
    this.autonomyMs = autonomyMs;
  }

  /** Holds all that is asked for, or says what is lacking. */
  hold(asks: readonly Ask[], now: Clocks): Hold | readonly Lack[] {
    const parts: HoldPart[] = [];
    for (const ask of asks) {
      const lease = this.leaseOf(ask, now);
      if (!this.fits(lease, ask, now)) return this.lacking(asks, now);
      parts.push({ lease, covers: ask.covers, held: ask.amount });
    }
    for (const { lease, held } of parts) this.touch(lease).hold(held, now);
    return { parts };
  }

  lacking(asks: readonly Ask[], now: Clocks): readonly Lack[] {
    const lacks: Lack[] = [];
    for (const ask of asks) {
      const lease = this.leaseOf(ask, now);
      if (this.fits(lease, ask, now)) continue;
      const lacking = lease.mayHold(now, this.autonomyMs) ? ask.amount - lease.unspent : ask.amount;
      lacks.push({ ask, lease, lacking, isSilent: lease.isSilent(now, this.autonomyMs) });
    }
    return lacks;
  }

  private fits(lease: Lease, { amount }: Ask, now: Clocks): boolean {
    return amount <= lease.unspent && lease.mayHold(now, this.autonomyMs);
  }

  /** The leases that calls would hold of, opened where there are none yet. */
  lookedAt(asks: readonly Ask[], now: Clocks): readonly Lease[] {
    return asks.map((ask) => this.leaseOf(ask, now));
  }

  /** More for a call that is under way, of all its accounts or of none. */
  extend(hold: Hold, amounts: readonly bigint[], now: Clocks): boolean {
    const fits = hold.parts.every(({ lease }, index) => (amounts[index] ?? 0n) <= lease.unspent);
    if (!fits) return false;
    for (const [index, part] of hold.parts.entries()) {
      const more = amounts[index] ?? 0n;
      this.touch(part.lease).hold(more, now);
      part.held += more;
    }
    return true;
  }

  /** Gives back a part of what is held before the call is over. */
  release(hold: Hold, amounts: readonly bigint[]): void {
    for (const [index, part] of hold.parts.entries()) {
      const less = amounts[index] ?? 0n;
      this.touch(part.lease).settle(less, 0n);
      part.held -= less;
    }
  }

  /** An exposure comes back with its call, but for what the call cost beyond all that was lent. */
  settle(hold: Hold, used: readonly bigint[]): void {
    const beyond: { lease: Lease; amount: bigint }[] = [];
    let hasExposure = false;
    for (const [index, part] of hold.parts.entries()) {
      const { lease, covers, held } = part;
      if (covers !== undefined) {
        hasExposure = true;
        continue;
      }
      part.held = 0n;
      const amount = this.touch(lease).settle(held, used[index] ?? 0n);
      if (amount > 0n) beyond.push({ lease, amount });
    }
    if (hasExposure) this.settleExposures(hold, used, beyond);
  }

  private settleExposures(
    hold: Hold,
    used: readonly bigint[],
    beyond: readonly { readonly lease: Lease; readonly amount: bigint }[],
  ): void {
    for (const [index, part] of hold.parts.entries()) {
      const { lease, covers, held } = part;
      if (covers === undefined) continue;
      part.held = 0n;
      const excess = beyond.find((one) => one.lease.subject === covers);
      const amount = excess === undefined ? 0n : excess.amount < held ? excess.amount : held;
      if (excess !== undefined && amount > 0n)
        this.excesses.push({ spent: excess.lease, revision: excess.lease.revisionOfNow(), exposure: lease, amount });
      this.touch(lease).settle(held - amount, used[index] ?? 0n);
    }
  }

  due(now: Clocks): DueStatement[] {
    const due: DueStatement[] = [];
    for (const lease of this.all.values())
      if (lease.isDue(now) || this.excesses.some(({ spent }) => spent === lease))
        due.push({ lease, statement: this.touch(lease).statement(now) });
    return due;
  }

  answered(number: number, answer: LeaseAnswer, sentAt: Clocks): Lease | undefined {
    const lease = this.all.get(number);
    if (lease === undefined) return undefined;
    lease.answered(answer, sentAt);
    const { isFrozen, news, revision } = answer;
    // By then what nobody had stated was taken for spent, up to the limit, and what had cost more than was lent fills a part of that.
    if (!isFrozen && this.isUnsure) this.endExcesses(() => true, true);
    this.isUnsure = isFrozen;
    // What was written off, or is of another time, has been counted already: it says nothing of room for this.
    if (!lease.isOver && !isFrozen && news.counted <= news.limit)
      this.endExcesses((excess) => excess.spent === lease && excess.revision <= revision, false);
    this.endExcesses(({ spent, exposure }) => lease.isOver && (exposure === lease || spent === lease), true);
    if (lease.isOver && this.current.get(lease.subject) === lease) this.current.delete(lease.subject);
    // Where its account goes on, as after a write-off, a ledger from a backup must be told of it once more.
    const isOfUse = lease.settled > 0n && answer.msLeft !== 0;
    if (lease.isAcknowledged() && !isOfUse) this.all.delete(number);
    return lease;
  }

  lease(subject: string): Lease | undefined {
    return this.current.get(subject);
  }

  leases(): Iterable<Lease> {
    return this.all.values();
  }

  /** Of leases that calls hold or have held of, as they are now, for who comes after this holder; each is told once. */
  takeChanged(): FormerLease[] {
    const { changed } = this;
    this.changed = [];
    for (const lease of changed) lease.isTouched = false;
    return changed.map(totalsOf);
  }

  totals(): FormerLease[] {
    return [...this.all.values()].map(totalsOf);
  }

  /** `isLost`: it will never be known whether there is room, so that it counts as spent. */
  private endExcesses(isEnded: (excess: Excess) => boolean, isLost: boolean): void {
    const ended = this.excesses.filter(isEnded);
    if (ended.length === 0) return;
    this.excesses = this.excesses.filter((excess) => !ended.includes(excess));
    for (const { exposure, amount } of ended) this.touch(exposure).settle(amount, isLost ? amount : 0n);
  }

  private touch(lease: Lease): Lease {
    if (!lease.isTouched) this.changed.push(lease);
    lease.isTouched = true;
    return lease;
  }

  private leaseOf({ subject, kind }: Ask, now: Clocks): Lease {
    const known = this.current.get(subject);
    if (known !== undefined && !known.isOver) return known;
    this.lastNumber += 1;
    const lease = new Lease(this.lastNumber, subject, kind, now);
    this.current.set(subject, lease);
    this.all.set(lease.number, lease);
    return lease;
  }
}

function totalsOf({ number: lease, subject, account, settled, open }: Lease): FormerLease {
  return { lease, subject, account, settled, open };
}
