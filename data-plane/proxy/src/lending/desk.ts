// Where the calls of one worker get what they hold. What there is, is held at once; what is lacking is drawn, one exchange with
// the ledger at a time, and the call waits for it, first come, first served, for a bounded time. Nothing is looked up outside
// of the process as long as leases have enough, and they are drawn ahead of need. It holds no books of its own: those are the
// kernel's.

import { LeaseBook, type Ask, type Hold, type Lack } from "@tollgate/kernel/lending/lease-book";
import type { AccountNews, Clocks, Lease } from "@tollgate/kernel/lending/lease";
import type { LeaseTotals, TotalsSource } from "../facts/totals.ts";
import { statementToWire, answerFromWire, type WireAnswer, type WireStatement } from "./wire.ts";

/** Why a call does not get what it asks for. */
export type Shortage = {
  readonly ask: Ask;
  /** `silent`: the ledger cannot be asked. `none`: there is nothing of the kind any more. */
  readonly reason: "held" | "spent" | "silent" | "none";
  readonly news: AccountNews | undefined;
  /** How long the account lasts; undefined where that is not known, or without end. */
  readonly msLeft: number | undefined;
  /** In how long there is room again; undefined where that is not known. */
  readonly roomInMs: number | undefined;
};

/** What is known of an account; nothing where it was never asked for. */
export type News = Pick<Shortage, "news" | "msLeft" | "roomInMs">;

export type Outcome = { readonly kind: "held"; readonly hold: Hold } | ({ readonly kind: "short" } & Shortage);

export type LendingBatch = {
  readonly batch: number;
  readonly statements: readonly WireStatement[];
  readonly isComplete: boolean;
  readonly incarnation: bigint;
};
/** `answers`: undefined where the ledger could not be asked. */
export type LendingAnswers = {
  readonly batch: number;
  readonly incarnation: bigint;
  readonly answers: readonly WireAnswer[] | undefined;
};

export type Desk = TotalsSource & {
  /** Calls back at once where it can. */
  reserve(asks: readonly Ask[], onDone: (outcome: Outcome) => void): void;
  /** Calls back when the ledger has said how they stand, or cannot be asked. */
  look(asks: readonly Ask[], onDone: () => void): void;
  /** What is held more is on disk when it returns. Where there is not enough it is drawn, for who asks again later. */
  extend(hold: Hold, amounts: readonly bigint[]): boolean;
  release(hold: Hold, amounts: readonly bigint[]): void;
  settle(hold: Hold, used: readonly bigint[]): void;
  /** Whoever asks for news of several accounts asks for the time once. */
  now(): Clocks;
  news(subject: string, now: Clocks): News;
  answered(answers: LendingAnswers): void;
  /** Gives back what is lent, as far as no call holds it any more; ends when the ledger knows, or after a while. */
  leave(): Promise<void>;
  close(): void;
};

export type DeskParts = {
  readonly epoch: bigint;
  readonly clocks: () => Clocks;
  readonly send: (batch: LendingBatch) => void;
  /** Writes down what leases stand at. */
  readonly keep: () => void;
  /** How long a worker goes on that does not hear of the ledger. */
  readonly autonomyMs: number;
};

type Waiter<Done = (outcome: Outcome) => void> = {
  readonly asks: readonly Ask[];
  readonly onDone: Done;
  readonly untilMs: number;
};

/** Who has something to say says it so often; who waits asks at once, and again after a shortage that may pass. */
const exchangeMs = 500;
const retryMs = 50;
const waitMsMax = 1_500;
/**
 * How long the answer to a batch is waited for. It comes in any case, if only that the ledger could not be asked; but after a restore
 * a batch of thousands of leases takes several requests, of up to some seconds each. Who gives up before says all of it again,
 * and never hears an answer in time.
 */
const answerMsMax = 60_000;
const waitersMax = 10_000;
const leaveMsMax = 1_000;

export function createDesk(parts: DeskParts): Desk {
  const { clocks, epoch } = parts;
  const book = new LeaseBook(parts.autonomyMs);
  const shortages = new Map<string, Shortage["reason"]>();
  let waiters: Waiter[] = [];
  let lookers: Waiter<() => void>[] = [];
  /** Calls under way that need more, each by what it last asked for. Nobody waits: they go on until they cannot. */
  const wanting = new Map<Hold, readonly bigint[]>();
  /** How many wait for each subject: who comes later does not overtake them, and everybody else goes on. */
  const waitedFor = new Map<string, number>();
  let underWay: { batch: number; sentAt: Clocks; incarnation: bigint; isComplete: boolean } | undefined;
  let batches = 0;
  let incarnation = 0n;
  /** In which incarnation the ledger has heard all that was lent here. */
  let completeIn = 0n;
  let timer: NodeJS.Timeout | undefined;
  let dueMs = Infinity;
  /** With which delay the timer was set: a longer one from now on ends later, whatever the time is. */
  let timerMs = Infinity;
  /** Whether the ledger could not be asked the last time. */
  let isUnheard = false;
  let isClosed = false;
  let isLeaving = false;
  let left = (): void => undefined;

  function reserve(asks: readonly Ask[], onDone: (outcome: Outcome) => void): void {
    const now = clocks();
    const isInLine = waiters.length > 0 && asks.some(({ subject }) => waitedFor.has(subject));
    const tried = isInLine ? undefined : book.hold(asks, now);
    if (tried !== undefined && "parts" in tried) {
      later(exchangeMs);
      return onDone({ kind: "held", hold: tried });
    }
    if (waiters.length >= waitersMax) return onDone(shortOf(tried?.[0] ?? lackOf(asks), now));
    waiters.push({ asks, onDone, untilMs: now.monotonicMs + waitMsMax });
    count(asks, 1);
    exchange();
  }

  function count(asks: readonly Ask[], by: 1 | -1): void {
    for (const { subject } of asks) {
      const left = (waitedFor.get(subject) ?? 0) + by;
      if (left === 0) waitedFor.delete(subject);
      else waitedFor.set(subject, left);
    }
  }

  function look(asks: readonly Ask[], onDone: () => void): void {
    const now = clocks();
    // Of nothing nothing is lacking: what was never asked for is asked about.
    const isUnknown = book.lookedAt(asks, now).some(({ news }) => news === undefined);
    if (!isUnknown) return onDone();
    lookers.push({ asks, onDone, untilMs: now.monotonicMs + waitMsMax });
    exchange();
    later(retryMs);
  }

  function serveLookers(now: Clocks): void {
    const looking = lookers;
    lookers = [];
    for (const looker of looking) {
      const isUnknown = book.lookedAt(looker.asks, now).some(({ news }) => news === undefined);
      if (isUnknown && now.monotonicMs < looker.untilMs) lookers.push(looker);
      else looker.onDone();
    }
  }

  /** As many statements as are due, if none are under way. */
  function exchange(): void {
    const now = clocks();
    if (isClosed || (underWay !== undefined && now.monotonicMs - underWay.sentAt.monotonicMs < answerMsMax)) return;
    if (isLeaving) for (const lease of book.leases()) lease.isOver = true;
    lackEach(now);
    const due = book.due(now);
    // That nothing was lent here has to be said, too: others wait for it.
    if (due.length === 0 && completeIn === incarnation) return later(exchangeMs);
    batches += 1;
    const isComplete = due.length === [...book.leases()].length;
    underWay = { batch: batches, sentAt: now, incarnation, isComplete };
    const statements = due.map(({ lease, statement }) => statementToWire(epoch, lease, statement));
    parts.send({ batch: batches, statements, isComplete, incarnation });
    later(exchangeMs);
  }

  /** Tells each lease what those who wait for it lack. */
  function lackEach(now: Clocks): void {
    for (const lease of book.leases()) lease.lacks(0n, 0n);
    const sums = new Map<Lease, bigint>();
    /** Beside who was before: what is left now is lacking to the first alone. */
    const lack = (lease: Lease, lacking: bigint, asked: bigint): void => {
      const before = sums.get(lease);
      const inAll = before === undefined ? lacking : before + asked;
      sums.set(lease, inAll);
      lease.lacks(before === undefined ? lacking : lease.lackingFirst(), inAll);
    };
    for (const [{ parts: held }, amounts] of wanting)
      for (const [index, { lease }] of held.entries()) {
        const asked = amounts[index] ?? 0n;
        if (asked > lease.unspent) lack(lease, asked - lease.unspent, asked);
      }
    for (const { asks } of waiters)
      for (const { ask, lease, lacking } of book.lacking(asks, now)) lack(lease, lacking, ask.amount);
  }

  function answered({ batch, incarnation: of, answers }: LendingAnswers): void {
    if (isClosed) return;
    const sent = underWay?.batch === batch ? underWay : undefined;
    if (sent !== undefined) underWay = undefined;
    isUnheard = answers === undefined;
    if (answers === undefined) return serve(retryMs * 4);
    if (of > incarnation) {
      incarnation = of;
      for (const lease of book.leases()) lease.restate();
    }
    // What a former incarnation lent is not in the ledger any more.
    if (of < incarnation || sent === undefined) return serve(retryMs);
    if (sent.isComplete && sent.incarnation === of) completeIn = of;
    const { monotonicMs } = clocks();
    for (const answer of answers) {
      if (answer.epoch !== epoch) continue;
      const lease = book.answered(answer.lease, answerFromWire(answer, monotonicMs), sent.sentAt);
      if (lease === undefined) continue;
      const reason = shortageIn(answer);
      if (reason === undefined) shortages.delete(lease.subject);
      else shortages.set(lease.subject, reason);
    }
    serve(retryMs);
  }

  /** Those who waited long enough, or for what is spent, are told so; all others ask on. */
  function serve(againMs: number): void {
    left();
    const now = clocks();
    serveLookers(now);
    const waiting = waiters;
    waiters = [];
    const done: (() => void)[] = [];
    for (const waiter of waiting) {
      const tried = book.hold(waiter.asks, now);
      if ("parts" in tried) done.push(() => waiter.onDone({ kind: "held", hold: tried }));
      else {
        const hopeless = tried.find(({ ask }) => isFinal(shortages.get(ask.subject)));
        const lack = hopeless ?? tried[0];
        if (lack !== undefined && (hopeless !== undefined || now.monotonicMs >= waiter.untilMs)) {
          const short = shortOf(lack, now);
          done.push(() => waiter.onDone(short));
        } else {
          waiters.push(waiter);
          continue;
        }
      }
      count(waiter.asks, -1);
    }
    // After all books are right: a call that goes on may ask for more.
    for (const act of done) act();
    if (waiters.length === 0) return later(exchangeMs);
    if (waiters.some(({ asks }) => asks.every(({ subject }) => !shortages.has(subject)))) exchange();
    later(againMs);
  }

  function shortOf({ ask, lease, isSilent }: Lack, now: Clocks): Outcome {
    const isKnown = !isSilent && !isUnheard && lease.news !== undefined;
    const said = shortages.get(ask.subject);
    const reason = said === "spent" || said === "none" ? said : isKnown ? "held" : "silent";
    return { kind: "short", ask, reason, news: lease.news, msLeft: lease.msLeft(now), roomInMs: lease.roomInMs(now) };
  }

  function lackOf(asks: readonly Ask[]): Lack {
    const [lack] = book.lacking(asks, clocks());
    if (lack === undefined) throw new Error("a call that asks for nothing was made to wait");
    return lack;
  }

  function later(ms: number): void {
    // Several times a call: nothing is asked and made for it as long as something is due anyway.
    if (isClosed || (timer !== undefined && timerMs <= ms)) return;
    const atMs = clocks().monotonicMs + ms;
    if (timer !== undefined && dueMs <= atMs) return;
    clearTimeout(timer);
    dueMs = atMs;
    timerMs = ms;
    timer = setTimeout(tick, ms);
    timer.unref();
  }

  function tick(): void {
    timer = undefined;
    dueMs = Infinity;
    left();
    if (waiters.length > 0) expire();
    if (lookers.length > 0) serveLookers(clocks());
    exchange();
    if (waiters.length + lookers.length > 0) later(retryMs);
  }

  function expire(): void {
    const now = clocks();
    const over = waiters.filter(({ untilMs }) => now.monotonicMs >= untilMs);
    if (over.length === 0) return;
    waiters = waiters.filter((waiter) => !over.includes(waiter));
    for (const { asks, onDone } of over) {
      count(asks, -1);
      const tried = book.hold(asks, now);
      if ("parts" in tried) onDone({ kind: "held", hold: tried });
      else onDone(shortOf(tried[0] ?? lackOf(asks), now));
    }
  }

  return {
    reserve,
    look,
    extend: (hold, amounts) => {
      const isHeld = book.extend(hold, amounts, clocks());
      const isNew = !isHeld && !wanting.has(hold);
      if (isHeld) {
        wanting.delete(hold);
        // What it pays for goes out in this turn, and what is held in its place elsewhere may be lent to others as soon as it is said.
        parts.keep();
      } else wanting.set(hold, amounts);
      if (isNew) exchange();
      later(exchangeMs);
      return isHeld;
    },
    release: (hold, amounts) => book.release(hold, amounts),
    settle(hold, used) {
      wanting.delete(hold);
      book.settle(hold, used);
      later(exchangeMs);
    },
    now: clocks,
    news(subject, now) {
      const lease = book.lease(subject);
      return { news: lease?.newsNow(), msLeft: lease?.msLeft(now), roomInMs: lease?.roomInMs(now) };
    },
    answered,
    takeChanged: (): readonly LeaseTotals[] => book.takeChanged(),
    all: (): readonly LeaseTotals[] => book.totals(),
    async leave() {
      isLeaving = true;
      const endMs = clocks().monotonicMs + leaveMsMax;
      exchange();
      while ([...book.leases()].some((lease) => !lease.isAcknowledged()) && clocks().monotonicMs < endMs)
        await new Promise<void>((resolve) => (left = resolve));
    },
    close() {
      isClosed = true;
      left();
      clearTimeout(timer);
      const waiting = waiters;
      waiters = [];
      for (const { asks, onDone } of waiting) onDone(shortOf(lackOf(asks), clocks()));
      for (const { onDone } of lookers) onDone();
    },
  };
}

function shortageIn({ grant, isOver, account }: WireAnswer): Shortage["reason"] | undefined {
  if (isOver && account === "") return "none";
  return grant?.shortage;
}

/** What is held may come back; what is spent or gone does not. */
function isFinal(reason: Shortage["reason"] | undefined): boolean {
  return reason === "spent" || reason === "none";
}
