// The ledger's half of lending: an account with a limit lends parts of it, and each lease counts in full until its holder says,
// in absolute numbers, what became of it. Nothing else reduces what a lease counts for: no time, and no fact. All functions
// are pure; whoever calls them keeps an account and its leases together under one lock, and their entries in a journal, from
// which `journal.ts` works out the same balances again.

/**
 * `money`: what is settled is gone until the account ends. `slots`: what a call held comes back when it ends, and nothing is
 * settled. `window`: what is settled comes back one window after the ledger heard of it, which is later than it was used, so
 * that no window that slides over the uses ever holds more than the limit.
 */
export type AccountKind = "money" | "slots" | "window";

/** What was used in a window, and when it comes back. */
export type Returning = { readonly atMs: number; readonly amount: bigint };

export type Account = {
  readonly kind: AccountKind;
  /** In force now. */
  readonly limit: bigint;
  /** What leases spent that are closed or written off. */
  readonly ended: bigint;
  /** What was spent without being reserved here. It never falls. */
  readonly unreserved: bigint;
  /** What all open leases count for, and what of that is settled. */
  readonly counted: bigint;
  readonly settled: bigint;
  /** Open leases that count for anything. */
  readonly holders: number;
  /** Of a window alone, the earliest first. */
  readonly windowMs: number;
  readonly returning: readonly Returning[];
  /** Somebody could not be lent what he asked for, until then others are asked to give back. */
  readonly shortUntilMs: number;
};

export type Lease = {
  readonly revision: bigint;
  readonly settled: bigint;
  readonly open: bigint;
  readonly unspent: bigint;
  /** Of the holder's last statement. */
  readonly draws: number;
  readonly lastDraw: number;
  readonly lastGrant: bigint;
  readonly isClosed: boolean;
};

export type Draw = { readonly number: number; readonly asked: bigint; readonly wanted: bigint };

export type Statement = {
  readonly revision: bigint;
  readonly settled: bigint;
  readonly open: bigint;
  readonly unspent: bigint;
  readonly draws: number;
  readonly draw: Draw | undefined;
  readonly isClosed: boolean;
};

/** `held`: others hold or were lent what is left, and it may come back. `spent`: it is gone. */
export type Shortage = "held" | "spent";

export type Answer = {
  readonly revision: bigint;
  readonly grant:
    { readonly number: number; readonly amount: bigint; readonly shortage: Shortage | undefined } | undefined;
  /** What is unspent above it is wanted back. */
  readonly keepAtMost: bigint | undefined;
};

/** What happened to an account, or with `lease` to one of its leases. */
export type Entry =
  | { readonly what: "limited"; readonly limit: bigint }
  | { readonly what: "unreserved"; readonly amount: bigint }
  | { readonly what: "presumed"; readonly amount: bigint }
  | { readonly what: "returned"; readonly amount: bigint }
  | ({ readonly what: "stated" } & Pick<Lease, "revision" | "settled" | "open" | "unspent">)
  | { readonly what: "granted"; readonly number: number; readonly amount: bigint }
  | { readonly what: "closed"; readonly spent: bigint };

export type Change = { readonly account: Account; readonly lease: Lease; readonly entries: readonly Entry[] };

export const newLease: Lease = {
  ...{ revision: 0n, settled: 0n, open: 0n, unspent: 0n },
  ...{ draws: 0, lastDraw: 0, lastGrant: 0n, isClosed: false },
};

/** So long others are asked to give back after somebody was short. */
const shortMs = 2_000;
/** How many times a grant would fit into what is left, for each holder: what is stranded shrinks with what is left. */
const grantsLeft = 4n;
/** How fine what comes back in a window is told apart: the limit comes back this part of a window later at most. */
const bucketsPerWindow = 60;

export function openAccount(kind: AccountKind, limit: bigint, windowMs = 0): Account {
  return {
    ...{ kind, limit, windowMs, ended: 0n, unreserved: 0n, counted: 0n, settled: 0n, holders: 0 },
    ...{ returning: [], shortUntilMs: 0 },
  };
}

/** What a lease counts for. In a window what is settled counts by itself, until it comes back. */
export function countsFor(kind: AccountKind, { settled, open, unspent }: Lease): bigint {
  return kind === "money" ? settled + open + unspent : open + unspent;
}

/** All that is not left. */
export function taken({ ended, unreserved, counted, returning }: Account): bigint {
  return returning.reduce((sum, { amount }) => sum + amount, ended + unreserved + counted);
}

/** What was spent for good, as far as it is known. */
export function spent({ ended, unreserved, settled, returning }: Account): bigint {
  return returning.reduce((sum, { amount }) => sum + amount, ended + unreserved + settled);
}

/** What is left to lend. Below zero where a limit was lowered, or calls cost more than they held. */
export function room(account: Account): bigint {
  return account.limit - taken(account);
}

/** Lets what has come back be lent again. */
export function advance(account: Account, nowMs: number): { account: Account; entries: readonly Entry[] } {
  const due = account.returning.filter(({ atMs }) => atMs <= nowMs);
  if (due.length === 0) return { account, entries: [] };
  const amount = due.reduce((sum, one) => sum + one.amount, 0n);
  return {
    account: { ...account, returning: account.returning.slice(due.length) },
    entries: [{ what: "returned", amount }],
  };
}

export function setLimit(account: Account, limit: bigint): { account: Account; entries: readonly Entry[] } {
  if (limit === account.limit) return { account, entries: [] };
  return { account: { ...account, limit }, entries: [{ what: "limited", limit }] };
}

/** What was spent in the account's scope and not reserved in it: before there was one, or by who did not know of it. */
export function addUnreserved(account: Account, amount: bigint): { account: Account; entries: readonly Entry[] } {
  if (amount === 0n) return { account, entries: [] };
  const unreserved = account.unreserved + amount;
  return { account: { ...account, unreserved }, entries: [{ what: "unreserved", amount }] };
}

/**
 * A lease that nobody will ever restate was lost with a backup: all that is left may have been lent in it. Slots came back when
 * its holder ended.
 */
export function presumeSpent(account: Account, nowMs: number): { account: Account; entries: readonly Entry[] } {
  const amount = room(account);
  if (amount <= 0n || account.kind === "slots") return { account, entries: [] };
  const spent =
    account.kind === "window" ? { returning: withUse(account, amount, nowMs) } : { ended: account.ended + amount };
  return { account: { ...account, ...spent }, entries: [{ what: "presumed", amount }] };
}

export type Exchanged = Change & {
  readonly answer: Answer;
  /** Of a window that is full: in how long what was asked for fits, or else anything; undefined where that is not known. */
  readonly roomInMs: number | undefined;
};

/** Takes in what a holder says of its lease and lends what it asks for, if it fits. */
export function exchange(
  before: Account,
  lease: Lease,
  statement: Statement,
  { nowMs, isFrozen }: { nowMs: number; isFrozen: boolean },
): Exchanged {
  const advanced = advance(before, nowMs);
  const stated = state({ ...advanced, lease }, statement, nowMs);
  const granted = lend(stated, statement, isFrozen, nowMs);
  const { account } = granted;
  // Who is short himself needs what he has, unless nobody may have it.
  const isShort = account.shortUntilMs > nowMs && granted.grant?.shortage === undefined;
  const keepAtMost = !granted.lease.isClosed && (isShort || room(account) < 0n) ? 0n : undefined;
  const asked = granted.grant?.amount === 0n ? (statement.draw?.asked ?? 0n) : 0n;
  return {
    ...granted,
    answer: { revision: granted.lease.revision, grant: granted.grant, keepAtMost },
    roomInMs: roomInMs(account, asked > 0n ? granted.lease.unspent + asked : 1n, nowMs),
  };
}

/** By what was used alone, as if all that others hold came back unused; undefined where that were enough, or will never be. */
function roomInMs({ kind, limit, returning }: Account, needed: bigint, nowMs: number): number | undefined {
  if (kind !== "window") return undefined;
  let taken = returning.reduce((sum, { amount }) => sum + amount, needed);
  if (taken <= limit) return undefined;
  for (const { atMs, amount } of returning) {
    taken -= amount;
    if (taken <= limit) return atMs - nowMs;
  }
  return undefined;
}

function state(
  { account, lease, entries }: Change,
  { revision, settled, open, unspent, draws, isClosed }: Statement,
  nowMs: number,
): Change {
  if (revision <= lease.revision || open < 0n || unspent < 0n) return { account, lease, entries };
  if (lease.isClosed) return late({ account, lease, entries }, revision, settled, nowMs);
  // What a holder has settled it does not take back.
  const settledNow = settled > lease.settled ? settled : lease.settled;
  // A grant that it had not seen when it said so is on its way to it.
  const underWay = lease.lastDraw > draws ? lease.lastGrant : 0n;
  const next: Lease = {
    ...lease,
    ...{ revision, settled: settledNow, open, unspent: unspent + underWay },
    draws: Math.max(draws, lease.draws),
  };
  const said: Entry = { what: "stated", revision, settled: settledNow, open, unspent: next.unspent };
  const after = { account: replaced(account, lease, next, nowMs), lease: next, entries: [...entries, said] };
  return isClosed && open === 0n ? end(after, settledNow, nowMs) : after;
}

/** Who was taken for gone was not, and its calls cost more than all that it was lent. */
function late({ account, lease, entries }: Change, revision: bigint, settled: bigint, nowMs: number): Change {
  const more = settled - lease.settled;
  if (account.kind === "slots" || more <= 0n) return { account, lease: { ...lease, revision }, entries };
  const returning = account.kind === "window" ? withUse(account, more, nowMs) : account.returning;
  const ended = account.kind === "money" ? account.ended + more : account.ended;
  return {
    account: { ...account, returning, ended },
    lease: { ...lease, revision, settled },
    entries: [...entries, { what: "closed", spent: more }],
  };
}

/** `spent`: what it has cost in all. */
function end({ account, lease, entries }: Change, spent: bigint, nowMs: number): Change {
  const next: Lease = { ...lease, settled: spent, open: 0n, unspent: 0n, isClosed: true };
  const left = replaced(account, lease, { ...next, settled: account.kind === "money" ? 0n : spent }, nowMs);
  const ended = account.kind === "money" ? left.ended + spent : left.ended;
  return { account: { ...left, ended }, lease: next, entries: [...entries, { what: "closed", spent }] };
}

/** The account with another state of one of its leases. */
function replaced(account: Account, was: Lease, is: Lease, nowMs: number): Account {
  const { kind } = account;
  const holds = (lease: Lease): number => (countsFor(kind, lease) > 0n ? 1 : 0);
  const used = kind === "window" ? is.settled - was.settled : 0n;
  return {
    ...account,
    counted: account.counted + countsFor(kind, is) - countsFor(kind, was),
    settled: kind === "money" ? account.settled + is.settled - was.settled : 0n,
    holders: account.holders + holds(is) - holds(was),
    returning: used > 0n ? withUse(account, used, nowMs) : account.returning,
  };
}

function withUse({ returning, windowMs }: Account, amount: bigint, nowMs: number): readonly Returning[] {
  const bucketMs = Math.max(1, Math.floor(windowMs / bucketsPerWindow));
  const atMs = (Math.floor(nowMs / bucketMs) + 1) * bucketMs + windowMs;
  const last = returning.at(-1);
  // A clock that was set back must not make anything come back earlier than what was used before it.
  if (last !== undefined && last.atMs >= atMs)
    return [...returning.slice(0, -1), { atMs: last.atMs, amount: last.amount + amount }];
  return [...returning, { atMs, amount }];
}

function lend(
  { account, lease, entries }: Change,
  { draw }: Statement,
  isFrozen: boolean,
  nowMs: number,
): Change & { grant: Answer["grant"] } {
  const unchanged = { account, lease, entries };
  if (draw === undefined || lease.isClosed || draw.number <= lease.draws || draw.number < lease.lastDraw)
    return { ...unchanged, grant: undefined };
  const { number } = draw;
  if (number === lease.lastDraw)
    return {
      ...unchanged,
      grant: {
        number,
        amount: lease.lastGrant,
        shortage: lease.lastGrant > 0n ? undefined : shortageOf(account, draw),
      },
    };
  const amount = isFrozen ? 0n : grantOf(account, draw);
  const next: Lease = { ...lease, unspent: lease.unspent + amount, lastDraw: number, lastGrant: amount };
  const lent = replaced(account, lease, next, nowMs);
  const isShort = amount === 0n && draw.asked > 0n && !isFrozen && shortageOf(account, draw) === "held";
  return {
    account: isShort ? { ...lent, shortUntilMs: nowMs + shortMs } : lent,
    lease: next,
    entries: amount === 0n ? entries : [...entries, { what: "granted", number, amount }],
    grant: { number, amount, shortage: amount > 0n ? undefined : shortageOf(account, draw) },
  };
}

/** At least what is asked for, or nothing. Who asks for nothing yet draws ahead of need. */
function grantOf(account: Account, { asked, wanted }: Draw): bigint {
  const left = room(account);
  if (left <= 0n || asked > left) return 0n;
  const share = left / (grantsLeft * BigInt(Math.max(1, account.holders)));
  const most = wanted < share ? wanted : share;
  return most > asked ? most : asked;
}

function shortageOf(account: Account, { asked }: Draw): Shortage | undefined {
  if (asked === 0n) return undefined;
  return spent(account) + asked > account.limit ? "spent" : "held";
}

/**
 * Ends the lease of a holder that is gone, by who can show that it stands in for it: what was open counts as spent, and what
 * was not used comes back.
 */
export function closeFor(account: Account, lease: Lease, said: Pick<Lease, "settled" | "open">, nowMs: number): Change {
  const spent = said.settled + (account.kind === "slots" ? 0n : said.open);
  if (lease.isClosed) return late({ account, lease, entries: [] }, lease.revision, spent, nowMs);
  return end({ account, lease, entries: [] }, spent > lease.settled ? spent : lease.settled, nowMs);
}

/** Ends the lease of a holder of whom nobody will hear again: all that it was lent counts as spent. */
export function writeOff(account: Account, lease: Lease, nowMs: number): Change {
  if (lease.isClosed) return { account, lease, entries: [] };
  const lent = lease.settled + lease.open + lease.unspent;
  return end({ account, lease, entries: [] }, account.kind === "slots" ? 0n : lent, nowMs);
}
