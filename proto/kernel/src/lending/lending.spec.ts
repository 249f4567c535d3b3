// Both halves of lending against each other, message by message, where one case is worth its own sentence. What chance makes of
// many holders, crashes and clocks together is simulated in test/sim/lending.

import { expect, test } from "vitest";
import {
  addUnreserved,
  advance,
  closeFor,
  countsFor,
  exchange,
  newLease,
  openAccount,
  presumeSpent,
  room,
  setLimit,
  taken,
  writeOff,
  type Account,
  type Entry,
  type Lease as LeaseRow,
  type Statement,
} from "./account.ts";
import { balancesOf, replay, type JournalEntry } from "./journal.ts";
import { LeaseBook, type Hold, type Lack } from "./lease-book.ts";

class Ledger {
  account: Account;
  leases = new Map<string, LeaseRow>();
  journal: JournalEntry[] = [];
  constructor(kind: Account["kind"], limit: bigint, windowMs = 0) {
    this.account = openAccount(kind, 0n, windowMs);
    this.keep("", setLimit(this.account, limit));
  }
  keep(lease: string, change: { account: Account; lease?: LeaseRow; entries: readonly Entry[] }): void {
    this.account = change.account;
    if (change.lease !== undefined) this.leases.set(lease, change.lease);
    for (const entry of change.entries) this.journal.push({ lease: isOfAll(entry) ? "" : lease, entry });
    expect(balancesOf(this.account)).toEqual(replay(this.account.kind, this.journal));
  }
  exchange(lease: string, statement: Statement, nowMs = 0, isFrozen = false) {
    const change = exchange(this.account, this.leases.get(lease) ?? newLease, statement, { nowMs, isFrozen });
    this.keep(lease, change);
    return change.answer;
  }
}

function isOfAll({ what }: Entry): boolean {
  return what === "limited" || what === "unreserved" || what === "presumed" || what === "returned";
}

const at = (ms: number) => ({ monotonicMs: ms, wallMs: ms });
const money = (amount: bigint) => [{ subject: "budget/b", kind: "money", amount } as const];
const news = { limit: 0n, settled: 0n, counted: 0n };

/** Sends all that is due, and answers. */
function settleUp(ledger: Ledger, book: LeaseBook, name: string, ms: number): void {
  for (const { lease, statement } of book.due(at(ms))) {
    const answer = ledger.exchange(`${name}/${lease.number}`, statement, ms);
    book.answered(
      lease.number,
      { ...answer, account: "a", msLeft: undefined, isOver: false, isFrozen: false, news },
      at(ms),
    );
  }
}

function held(outcome: Hold | readonly Lack[]): Hold {
  if (!("parts" in outcome)) throw new Error("it lacks");
  return outcome;
}

/** A call that draws what it lacks. */
function call(ledger: Ledger, book: LeaseBook, name: string, amount: bigint, ms = 0): Hold | readonly Lack[] {
  for (let tries = 0; tries < 3; tries += 1) {
    const outcome = book.hold(money(amount), at(ms));
    if ("parts" in outcome) return outcome;
    for (const { lease, lacking } of outcome) lease.lacks(lacking, lacking);
    settleUp(ledger, book, name, ms);
  }
  return book.hold(money(amount), at(ms));
}

test("a call holds what it was lent, and what it did not use is there for the next", () => {
  const ledger = new Ledger("money", 1_000n);
  const book = new LeaseBook(3_600_000);
  const first = held(call(ledger, book, "p", 600n));
  expect(call(ledger, book, "p", 600n)).toMatchObject([{ lacking: expect.anything() }]);
  book.settle(first, [100n]);
  book.settle(held(call(ledger, book, "p", 600n)), [600n]);
  settleUp(ledger, book, "p", 0);
  expect(ledger.account.settled).toBe(700n);
  expect(room(ledger.account) + (book.lease("budget/b")?.unspent ?? 0n)).toBe(300n);
});

test("one holder comes to the very end of an account", () => {
  const ledger = new Ledger("money", 1_000n);
  const book = new LeaseBook(3_600_000);
  for (let n = 0; n < 1_000; n += 1) book.settle(held(call(ledger, book, "p", 1n)), [1n]);
  expect("parts" in call(ledger, book, "p", 1n)).toBe(false);
  expect(ledger.account.settled).toBe(1_000n);
});

const statement: Statement = {
  ...{ revision: 1n, settled: 0n, open: 0n, unspent: 0n, draws: 0 },
  draw: { number: 1, asked: 100n, wanted: 100n },
  isClosed: false,
};

test("a draw that is repeated is answered alike, and lent once", () => {
  const ledger = new Ledger("money", 150n);
  const answers = [1, 2, 3].map(() => ledger.exchange("p/1", statement));
  expect(answers.map(({ grant }) => grant?.amount)).toEqual([100n, 100n, 100n]);
  expect(ledger.account.counted).toBe(100n);
});

test("a grant that the holder had not seen counts beside what he says", () => {
  const ledger = new Ledger("money", 1_000n);
  ledger.exchange("p/1", statement);
  ledger.exchange("p/1", { ...statement, revision: 2n, draw: undefined });
  expect(ledger.account.counted).toBe(100n);
  ledger.exchange("p/1", { ...statement, revision: 3n, draws: 1, unspent: 60n, settled: 40n, draw: undefined });
  expect(ledger.account).toMatchObject({ counted: 100n, settled: 40n });
});

test("what was said before changes nothing any more, and a draw that was given up lends nothing", () => {
  const ledger = new Ledger("money", 1_000n);
  ledger.exchange("p/1", { ...statement, revision: 5n, settled: 7n, draws: 3, draw: undefined });
  expect(ledger.exchange("p/1", { ...statement, revision: 4n, settled: 1n }).grant).toBeUndefined();
  expect(ledger.account.counted).toBe(7n);
});

test("a settled amount never falls, whoever says so", () => {
  const ledger = new Ledger("money", 1_000n);
  ledger.exchange("p/1", { ...statement, settled: 90n, draw: undefined });
  ledger.exchange("p/1", { ...statement, revision: 2n, settled: 10n, draw: undefined });
  expect(ledger.account.settled).toBe(90n);
});

test("only the holder's word reduces what a lease counts for: a long time and facts do not", () => {
  const ledger = new Ledger("money", 100n);
  ledger.exchange("p/1", statement);
  expect(ledger.exchange("q/1", statement, 1e15).grant).toMatchObject({ amount: 0n, shortage: "held" });
  ledger.keep("", addUnreserved(ledger.account, 5n));
  expect(room(ledger.account)).toBe(-5n);
});

test("who is short of what others have not used makes them give it back; of what is spent nobody is asked", () => {
  const ledger = new Ledger("money", 100n);
  ledger.exchange("p/1", statement);
  expect(ledger.exchange("q/1", { ...statement, draw: { number: 1, asked: 10n, wanted: 10n } }, 10).grant).toEqual({
    ...{ number: 1, amount: 0n, shortage: "held" },
  });
  const said = { ...statement, revision: 2n, draws: 1, settled: 91n, unspent: 9n, draw: undefined };
  expect(ledger.exchange("p/1", said, 20).keepAtMost).toBe(0n);
  const again = { ...statement, draws: 1, revision: 2n, draw: { number: 2, asked: 10n, wanted: 10n } };
  expect(ledger.exchange("q/1", again, 30).grant).toMatchObject({ amount: 0n, shortage: "spent" });
});

test("a lowered limit lends nothing more and calls back what is above it; what is over stays in sight", () => {
  const ledger = new Ledger("money", 1_000n);
  ledger.exchange("p/1", { ...statement, draw: { number: 1, asked: 600n, wanted: 600n } });
  ledger.keep("", setLimit(ledger.account, 500n));
  expect(room(ledger.account)).toBe(-100n);
  const said = { ...statement, revision: 2n, draws: 1, unspent: 600n, draw: { number: 2, asked: 0n, wanted: 50n } };
  expect(ledger.exchange("p/1", said)).toMatchObject({ keepAtMost: 0n, grant: { amount: 0n } });
});

test("a successor's word ends a lease with what was open as spent; without one it is written off in full", () => {
  const ledger = new Ledger("money", 1_000n);
  ledger.exchange("p/1", statement);
  ledger.exchange("q/1", statement);
  ledger.keep("p/1", closeFor(ledger.account, ledger.leases.get("p/1") ?? newLease, { settled: 30n, open: 20n }, 0));
  expect(ledger.account).toMatchObject({ ended: 50n, counted: 100n });
  ledger.keep("q/1", writeOff(ledger.account, ledger.leases.get("q/1") ?? newLease, 0));
  expect(ledger.account).toMatchObject({ ended: 150n, counted: 0n });
  // The holder was not gone after all: what he says now comes too late to be lent anything.
  expect(
    ledger.exchange("q/1", { ...statement, revision: 9n, draw: { number: 2, asked: 1n, wanted: 1n } }).grant,
  ).toBeUndefined();
  expect(ledger.account.counted).toBe(0n);
});

test("what a holder spent beyond what it was lent counts, also after it was written off", () => {
  const ledger = new Ledger("money", 1_000n);
  ledger.exchange("p/1", statement);
  ledger.keep("p/1", writeOff(ledger.account, ledger.leases.get("p/1") ?? newLease, 0));
  const said = { ...statement, draws: 1, draw: undefined };
  ledger.exchange("p/1", { ...said, revision: 2n, settled: 90n, open: 10n });
  expect(ledger.account.ended).toBe(100n);
  ledger.exchange("p/1", { ...said, revision: 3n, settled: 130n });
  ledger.exchange("p/1", { ...said, revision: 3n, settled: 130n });
  ledger.exchange("p/1", { ...said, revision: 4n, settled: 140n, isClosed: true });
  expect(ledger.account).toMatchObject({ ended: 140n, counted: 0n, settled: 0n });
  ledger.keep("p/1", closeFor(ledger.account, ledger.leases.get("p/1") ?? newLease, { settled: 130n, open: 20n }, 0));
  expect(ledger.account).toMatchObject({ ended: 150n, counted: 0n, settled: 0n });
});

test("in a window what was used comes back no earlier than a window after it was heard of", () => {
  const ledger = new Ledger("window", 10n, 60_000);
  const draw = { number: 1, asked: 10n, wanted: 10n };
  expect(ledger.exchange("p/1", { ...statement, draw }, 0).grant?.amount).toBe(10n);
  ledger.exchange("p/1", { ...statement, revision: 2n, draws: 1, settled: 10n, draw: undefined }, 500);
  const next = (revision: bigint) => ({
    ...statement,
    revision,
    settled: 10n,
    draws: 1,
    draw: { number: 2, asked: 1n, wanted: 1n },
  });
  expect(ledger.exchange("p/1", next(3n), 60_499).grant?.amount).toBe(0n);
  const again = { ...next(4n), draws: 2, draw: { number: 3, asked: 1n, wanted: 1n } };
  expect(ledger.exchange("p/1", again, 61_500).grant?.amount).toBe(1n);
});

test("slots come back as they are left", () => {
  const ledger = new Ledger("slots", 2n);
  const draw = { number: 1, asked: 2n, wanted: 2n };
  ledger.exchange("p/1", { ...statement, draw });
  ledger.exchange("p/1", { ...statement, revision: 2n, draws: 1, open: 1n, unspent: 0n, draw: undefined });
  expect(room(ledger.account)).toBe(1n);
  expect([...ledger.leases.values()].map((lease) => countsFor("slots", lease))).toEqual([1n]);
});

test("while a ledger is frozen after a restore it lends nothing and takes in what it is told, also of leases that it never knew", () => {
  const ledger = new Ledger("money", 1_000n);
  const said = { ...statement, revision: 8n, settled: 40n, open: 5n, unspent: 55n, draws: 4 };
  const { grant } = ledger.exchange("p/1", { ...said, draw: { number: 5, asked: 1n, wanted: 1n } }, 0, true);
  expect(grant?.amount).toBe(0n);
  expect(ledger.account.counted).toBe(100n);
});

test("what a lost backup may have lent is presumed spent: money for good, permits for one window, slots not at all", () => {
  const presumed = (["money", "window", "slots"] as const).map((kind) => {
    const ledger = new Ledger(kind, 10n, 60_000);
    ledger.exchange("p/1", { ...statement, draw: { number: 1, asked: 4n, wanted: 4n } });
    ledger.keep("", presumeSpent(ledger.account, 0));
    const before = room(ledger.account);
    ledger.keep("", advance(ledger.account, 61_001));
    return [before, room(ledger.account)];
  });
  expect(presumed).toEqual([
    [0n, 0n],
    [0n, 6n],
    [6n, 6n],
  ]);
});

test("a lease is used no longer than both clocks say, and less by what they may be off", () => {
  const ledger = new Ledger("money", 1_000n);
  const book = new LeaseBook(10_000_000);
  const drawn = book.hold(money(10n), at(0));
  if ("parts" in drawn) throw new Error("nothing was lent yet");
  drawn[0]?.lease.lacks(1_000n, 1_000n);
  for (const { lease, statement: said } of book.due(at(0)))
    book.answered(
      lease.number,
      { ...ledger.exchange("p/1", said), account: "a", msLeft: 1_000_000, isOver: false, isFrozen: false, news },
      at(0),
    );
  expect("parts" in book.hold(money(10n), at(998_000))).toBe(true);
  expect("parts" in book.hold(money(10n), at(999_500))).toBe(false);
  expect("parts" in book.hold(money(10n), { monotonicMs: 10, wallMs: 999_999 })).toBe(false);
});

test("what was spent in a lease that is closed is restated to a ledger that forgot it, as long as its account goes on", () => {
  const book = new LeaseBook(60_000);
  const before = new Ledger("money", 100n);
  book.settle(held(call(before, book, "p", 10n)), [4n]);
  for (const lease of book.leases()) lease.close();
  settleUp(before, book, "p", 0);
  const restored = new Ledger("money", 100n);
  for (const lease of book.leases()) lease.restate();
  settleUp(restored, book, "p", 0);
  expect(restored.account).toMatchObject({ ended: 4n, counted: 0n });
});

test("a lease that its holder closes is said to be closed until the ledger knows it", () => {
  const ledger = new Ledger("money", 100n);
  const book = new LeaseBook(60_000);
  book.settle(held(call(ledger, book, "p", 10n)), [4n]);
  settleUp(ledger, book, "p", 0);
  for (const lease of book.leases()) lease.close();
  settleUp(ledger, book, "p", 0);
  expect(ledger.account).toMatchObject({ ended: 4n, counted: 0n });
  expect(book.due(at(0))).toEqual([]);
});

test("a lease that a restored ledger has put into another account is used no more", () => {
  const ledger = new Ledger("money", 1_000n);
  const book = new LeaseBook(60_000);
  book.settle(held(call(ledger, book, "p", 10n)), [10n]);
  const answer = { revision: 9n, grant: undefined, keepAtMost: undefined, msLeft: undefined, isFrozen: true, news };
  const [lease] = book.leases();
  book.answered(1, { ...answer, account: "b", isOver: false }, at(1));
  expect(lease?.isOver).toBe(true);
  expect(book.lease("budget/b")).toBeUndefined();
});

test("what a call cost beyond all that was lent stays exposed until there is room for it", () => {
  const ledgers = { budget: new Ledger("money", 100n), exposure: new Ledger("money", 20n) };
  const [book, other] = [new LeaseBook(60_000), new LeaseBook(60_000)];
  const say = (from: LeaseBook, name: string): void => {
    for (const { lease, statement: said } of from.due(at(0))) {
      const ledger = lease.subject === "budget/b" ? ledgers.budget : ledgers.exposure;
      const answer = ledger.exchange(`${name}/${lease.number}`, said);
      const told = { limit: ledger.account.limit, settled: 0n, counted: taken(ledger.account) };
      const more = { account: lease.subject, msLeft: undefined, isOver: false, isFrozen: false, news: told };
      from.answered(lease.number, { ...answer, ...more }, at(0));
    }
  };
  const asks = [...money(60n), { subject: "exposure/b", kind: "money", amount: 20n, covers: "budget/b" } as const];
  const draw = (from: LeaseBook, name: string, asked: typeof asks | ReturnType<typeof money>): Hold => {
    const lacks = from.hold(asked, at(0));
    if ("parts" in lacks) return lacks;
    for (const { lease, lacking } of lacks) lease.lacks(lacking, lacking);
    say(from, name);
    for (const { lease } of lacks) lease.lacks(0n, 0n);
    return held(from.hold(asked, at(0)));
  };
  const hold = draw(book, "p", asks);
  const rest = draw(other, "q", money(40n));
  book.settle(hold, [80n, 0n]);
  say(book, "p");
  expect([taken(ledgers.budget.account), taken(ledgers.exposure.account)]).toEqual([120n, 20n]);
  other.settle(rest, [10n]);
  for (const lease of other.leases()) lease.close();
  say(other, "q");
  book.lease("budget/b")?.restate();
  say(book, "p");
  say(book, "p");
  expect(book.lease("exposure/b")?.open).toBe(0n);
});

test("a stream that runs when its account is over can hold more of it, until it is settled", () => {
  const ledger = new Ledger("money", 100n);
  const book = new LeaseBook(60_000);
  const hold = held(call(ledger, book, "p", 10n));
  const exchangeOver = (): void => {
    for (const { lease, statement: said } of book.due(at(0))) {
      const answer = { ...ledger.exchange("p/1", said), account: "a", msLeft: 0, isOver: true, isFrozen: false, news };
      book.answered(lease.number, answer, at(0));
    }
  };
  for (const { lease } of hold.parts) lease.lacks(0n, 0n);
  exchangeOver();
  exchangeOver();
  expect(book.extend(hold, [5n], at(0))).toBe(false);
  for (const { lease } of hold.parts) lease.lacks(5n, 5n);
  exchangeOver();
  expect(book.extend(hold, [5n], at(0))).toBe(true);
  for (const { lease } of hold.parts) lease.lacks(0n, 0n);
  book.settle(hold, [15n]);
  exchangeOver();
  expect(ledger.account).toMatchObject({ ended: 15n, counted: 0n });
});

test("who does not hear of the ledger for too long holds nothing more", () => {
  const ledger = new Ledger("money", 1_000n);
  const book = new LeaseBook(60_000);
  held(call(ledger, book, "p", 10n));
  const later = book.hold(money(1n), at(60_001));
  expect(later).toMatchObject([{ isSilent: true }]);
});

test("a call that costs more than it held is charged all the same, and the ledger hears of it", () => {
  const ledger = new Ledger("money", 100n);
  const book = new LeaseBook(60_000);
  const hold = held(call(ledger, book, "p", 100n));
  book.settle(hold, [130n]);
  settleUp(ledger, book, "p", 0);
  expect(ledger.account).toMatchObject({ settled: 130n, counted: 130n });
  expect(room(ledger.account)).toBe(-30n);
});
