// The holder's half of lending: what one worker was lent from one account, and what its calls hold of it. A call holds before it
// goes out and settles when it is over; what is given back is taken off here before it is said. It never holds what it was not
// lent. Time comes in from outside, by two clocks: one that runs evenly and stands still while the machine sleeps, and the
// wall's, which does not; a lease is used only while both say that it may be.

import type { Answer, AccountKind, Draw, Statement } from "./account.ts";
import { Pace } from "./pace.ts";

export type Clocks = { readonly monotonicMs: number; readonly wallMs: number };

/** What is known of the account by the last answer. */
export type AccountNews = {
  readonly limit: bigint;
  readonly settled: bigint;
  readonly counted: bigint;
  /** Of a window that is full: when there is room again, by the even clock; undefined where that is not known. */
  readonly roomAtMs?: number | undefined;
};

export type LeaseAnswer = Answer & {
  readonly account: string;
  /** How long the account lasts from when it was answered; undefined: without end. */
  readonly msLeft: number | undefined;
  readonly isOver: boolean;
  /** After a restore, while not all is known that was lent. */
  readonly isFrozen: boolean;
  readonly news: AccountNews;
};

/** Part of what a clock may be off by over a time, and the most that it is. */
const driftPerMs = 0.001;
const driftMsMax = 30_000;
/** A lease is drawn ahead for as long as this at the pace of the last seconds, and asked for again below half of it. */
const aheadMs = 3_000;
/** The pace is that of about so long, or since the first use, but of no less than the second of them. */
const paceMs = 5_000;
const paceMsLeast = 500;
/** A call that has to wait shows that the pace is not known yet: so many times what is lacking is drawn, and few wait after it. */
const aheadOfLack = 8n;
/** Who has used nothing for so long, and whose calls cannot need more, gives back what is unspent. */
const idleMs = 30_000;
/** Who has something unspent asks so often whether others are short of it, which is sooner than they give up. */
const askAfterMs = 1_000;

export class Lease {
  readonly number: number;
  readonly subject: string;
  readonly kind: AccountKind;
  account = "";
  settled = 0n;
  open = 0n;
  unspent = 0n;
  private revision = 0n;
  private acknowledged = 0n;
  private draws = 0;
  private draw: Draw | undefined;
  /** Whether anything is another than at the last statement. */
  private isChanged = false;
  private endsAt: Clocks | undefined;
  private heardAt: Clocks;
  private usedMs: number;
  private readonly pace: Pace;
  /** Of who comes all at once after a pause the long one knows too late. */
  private readonly burst: Pace;
  /** What the first of the waiting calls lacks, and what all of them do. */
  private lacking = 0n;
  private lackingInAll = 0n;
  /** What was settled when it was last said, and when what was said last was answered. */
  private said = 0n;
  private told = 0n;
  isOver = false;
  isClosed = false;
  /** Whoever keeps it has noted that it is another than it was. */
  isTouched = false;
  /** Others with each answer: who remembers something of them knows by it whether that still holds. */
  news: AccountNews | undefined;

  constructor(number: number, subject: string, kind: AccountKind, now: Clocks) {
    this.number = number;
    this.subject = subject;
    this.kind = kind;
    this.heardAt = now;
    this.usedMs = now.monotonicMs;
    this.pace = new Pace(paceMs, paceMsLeast, now.monotonicMs);
    this.burst = new Pace(paceMsLeast, paceMsLeast, now.monotonicMs);
  }

  /** `autonomyMs`: how long a holder goes on that has not heard of the ledger. */
  mayHold(now: Clocks, autonomyMs: number): boolean {
    const { monotonicMs, wallMs } = now;
    if (this.isOver || this.isSilent(now, autonomyMs)) return false;
    if (this.endsAt === undefined) return true;
    const sinceMs = Math.max(0, monotonicMs - this.heardAt.monotonicMs, wallMs - this.heardAt.wallMs);
    const drift = Math.min(driftMsMax, sinceMs * driftPerMs);
    return monotonicMs + drift < this.endsAt.monotonicMs && wallMs + drift < this.endsAt.wallMs;
  }

  /** Whether the ledger was not heard of for too long. */
  isSilent({ monotonicMs }: Clocks, autonomyMs: number): boolean {
    return monotonicMs - this.heardAt.monotonicMs > autonomyMs;
  }

  /** In a new incarnation: all of it is said again, whatever was acknowledged before. */
  restate(): void {
    this.acknowledged = -1n;
  }

  hold(amount: bigint, { monotonicMs }: Clocks): void {
    if (amount > this.unspent) throw new Error("a call would hold more than was lent");
    this.unspent -= amount;
    this.open += amount;
    this.usedMs = monotonicMs;
    const used = Number(amount);
    this.pace.uses(used, monotonicMs);
    this.burst.uses(used, monotonicMs);
    this.isChanged = true;
  }

  /** What the call turned out to use of what it held. More is charged all the same; answers by how much more than was lent. */
  settle(held: bigint, used: bigint): bigint {
    this.open -= held;
    const settled = this.kind === "slots" ? 0n : used;
    this.settled += settled;
    const left = this.unspent + held - settled;
    this.unspent = left > 0n ? left : 0n;
    this.isChanged = true;
    return left < 0n ? -left : 0n;
  }

  /** Under which revision all that is true now is said. */
  revisionOfNow(): bigint {
    return this.isChanged ? this.revision + 1n : this.revision;
  }

  /** What calls that wait need beyond what there is: the first of them, and all. */
  lacks(first: bigint, inAll: bigint): void {
    this.lacking = first;
    this.lackingInAll = inAll;
  }

  /** The news, and what was settled here since. */
  newsNow(): AccountNews | undefined {
    if (this.news === undefined) return undefined;
    const { limit, settled, counted, roomAtMs } = this.news;
    return { limit, settled: settled + this.settled - this.told, counted, roomAtMs };
  }

  lackingFirst(): bigint {
    return this.lacking;
  }

  /** How long its account lasts; undefined: without end, as far as is known. */
  msLeft({ monotonicMs }: Clocks): number | undefined {
    return this.endsAt === undefined ? undefined : Math.max(0, this.endsAt.monotonicMs - monotonicMs);
  }

  /** In how long there is room again; undefined where it is not known, or there should be by now. */
  roomInMs({ monotonicMs }: Clocks): number | undefined {
    const atMs = this.news?.roomAtMs;
    return atMs === undefined || atMs <= monotonicMs ? undefined : atMs - monotonicMs;
  }

  /** Whether there is something to say or to ask for. */
  isDue({ monotonicMs }: Clocks): boolean {
    if (this.isClosed) return this.isChanged || this.acknowledged < this.revision;
    if (this.isChanged || this.draw !== undefined || this.acknowledged < this.revision) return true;
    if (this.news === undefined) return true;
    if (this.unspent > 0n && monotonicMs - this.heardAt.monotonicMs > askAfterMs) return true;
    return this.wants(monotonicMs) !== undefined || this.isIdle(monotonicMs) || this.mustEnd();
  }

  /** All of it, absolutely; repeated under another revision it says the same. */
  statement({ monotonicMs }: Clocks): Statement {
    // A call stays charged to the account that it was reserved in, with all that it comes to need.
    const isExtended = this.isOver && this.open > 0n && this.lacking > 0n;
    if (!this.isClosed && !isExtended && (this.isOver || this.isIdle(monotonicMs))) this.giveBack(0n);
    if (this.isOver && this.open === 0n && this.unspent === 0n) this.close();
    if (!this.isClosed && (!this.isOver || isExtended)) {
      const wanted = this.wants(monotonicMs);
      if (this.draw === undefined && wanted !== undefined) this.draw = { number: this.draws + 1, ...wanted };
    }
    if (this.isChanged || this.revision === 0n) this.revision += 1n;
    this.said = this.settled;
    this.isChanged = false;
    const { revision, settled, open, unspent, draws, draw, isClosed } = this;
    return { revision, settled, open, unspent, draws, draw, isClosed };
  }

  /** `sentAt`: the clocks before the statement went out. */
  answered(
    { revision, grant, keepAtMost, account, msLeft, isOver, news }: LeaseAnswer,
    sentAt: Clocks,
  ): Answer["grant"] {
    if (this.account === "") this.account = account;
    if (revision > this.acknowledged) this.acknowledged = revision;
    if (sentAt.monotonicMs < this.heardAt.monotonicMs) return this.take(grant);
    this.heardAt = sentAt;
    this.endsAt =
      msLeft === undefined ? undefined : { monotonicMs: sentAt.monotonicMs + msLeft, wallMs: sentAt.wallMs + msLeft };
    this.news = news;
    this.told = this.said;
    // A ledger that forgot the lease with a backup may have opened it anew, of the account of another time.
    if (isOver || account !== this.account) this.isOver = true;
    const taken = this.take(grant);
    // Others are short, but who waits here was short before them.
    if (keepAtMost !== undefined && this.lacking === 0n) this.giveBack(keepAtMost);
    return taken;
  }

  /** The answer to the draw under way; one of another number comes too late. */
  private take(grant: Answer["grant"]): Answer["grant"] {
    if (grant === undefined || grant.number !== this.draw?.number || this.isClosed) return undefined;
    this.draws = grant.number;
    this.draw = undefined;
    this.unspent += grant.amount;
    this.isChanged = true;
    return grant;
  }

  /** Also what may still come under the draw under way. */
  close(): void {
    if (this.open !== 0n) throw new Error("a lease that calls hold cannot be closed");
    if (this.isClosed) return;
    this.unspent = 0n;
    if (this.draw !== undefined) this.draws = this.draw.number;
    this.draw = undefined;
    this.isClosed = true;
    this.isChanged = true;
  }

  /** Closed, and the ledger knows it. */
  isAcknowledged(): boolean {
    return this.isClosed && this.acknowledged >= this.revision && !this.isChanged;
  }

  private giveBack(keepAtMost: bigint): void {
    if (this.unspent <= keepAtMost) return;
    this.unspent = keepAtMost;
    this.isChanged = true;
  }

  /** Its account is over: what no call holds goes back, and then it ends. */
  private mustEnd(): boolean {
    return this.isOver && (this.open === 0n || (this.unspent > 0n && this.lacking === 0n));
  }

  private isIdle(nowMs: number): boolean {
    return this.unspent > 0n && this.open === 0n && this.lacking === 0n && nowMs - this.usedMs > idleMs;
  }

  private wants(nowMs: number): Omit<Draw, "number"> | undefined {
    const ahead = BigInt(Math.ceil(Math.max(this.pace.at(nowMs), this.burst.at(nowMs)) * aheadMs));
    if (this.lacking > 0n) return { asked: this.lacking, wanted: this.lackingInAll * aheadOfLack + ahead };
    if (this.unspent * 2n >= ahead || nowMs - this.usedMs > aheadMs) return undefined;
    return { asked: 0n, wanted: ahead - this.unspent };
  }
}
