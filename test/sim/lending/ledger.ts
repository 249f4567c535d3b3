// The control plane's side of the simulation: the kernel's accounts behind what the service does around them, as rows that
// several processes would share. Each request is one transaction. It knows subjects, periods, boots, incarnations and what it
// takes to thaw; it adds no rule of its own about what may be lent.

import {
  closeFor,
  exchange,
  newLease,
  openAccount,
  presumeSpent,
  addUnreserved,
  setLimit,
  spent,
  taken,
  writeOff,
  type Account,
  type AccountKind,
  type Entry,
  type Lease,
  type Statement,
} from "@tollgate/kernel/lending/account";
import type { OfFormer } from "@tollgate/kernel/lending/former";
import type { JournalEntry } from "@tollgate/kernel/lending/journal";
import type { LeaseAnswer } from "@tollgate/kernel/lending/lease";
import type { LendingBug } from "./bugs.ts";

export type Subject = {
  readonly name: string;
  readonly kind: AccountKind;
  limit: bigint;
  readonly windowMs: number;
  /** Undefined: it has one account for ever. */
  readonly periodMs: number | undefined;
};

export type Said = {
  readonly epoch: number;
  readonly lease: number;
  readonly subject: string;
  readonly account: string;
  readonly statement: Statement;
};

export type FormerLease = OfFormer<string> & { readonly epoch: number };

export type Request = {
  readonly proxyId: string;
  readonly boot: string;
  readonly heard: number;
  readonly said: readonly Said[];
  readonly formers: readonly FormerLease[];
  readonly isComplete: boolean;
};

export type Answered = { readonly lease: number; readonly answer: LeaseAnswer };
export type Reply = {
  readonly incarnation: number;
  readonly isFrozen: boolean;
  /** Since a restore: when the backup was taken. */
  readonly knownUntilMs: number | undefined;
  readonly answers: readonly Answered[];
  /** What former boots of the proxy are still lent. */
  readonly held: readonly FormerLease[];
};

export type AccountRow = {
  readonly name: string;
  readonly subject: Subject;
  endsMs: number | undefined;
  state: Account;
};
export type LeaseRow = Pick<FormerLease, "boot" | "epoch" | "lease" | "account"> & {
  readonly proxyId: string;
  state: Lease;
  heardMs: number;
};

type Rows = {
  accounts: Map<string, AccountRow>;
  leases: Map<string, LeaseRow>;
  journals: Map<string, JournalEntry[]>;
};

/** So long an id stays with a boot that is not heard of. */
const idKeptMs = 3_000;

export class SimulatedLedger {
  rows: Rows = { accounts: new Map(), leases: new Map(), journals: new Map() };
  incarnation = 1;
  isFrozen = false;
  private knownUntilMs: number | undefined;
  /** Everybody that something may have been lent to. */
  readonly proxies = new Set<string>();
  /** The highest limit in force of each account, as what was lent before stays lent. */
  readonly highest = new Map<string, bigint>();
  /** What was broken inside a transaction, where nobody else sees it. */
  broken: string | undefined;
  private readonly subjects: ReadonlyMap<string, Subject>;
  private readonly bug: LendingBug | undefined;
  private readonly holders = new Map<string, { boot: string; heardMs: number }>();
  private restated = new Set<string>();
  private readonly formerLimits = new Map<string, { limit: bigint; untilMs: number }>();

  constructor(subjects: ReadonlyMap<string, Subject>, bug?: LendingBug) {
    this.subjects = subjects;
    this.bug = bug;
  }

  /** Undefined where another boot has the id. */
  take({ proxyId, boot, heard, said, formers, isComplete }: Request, nowMs: number): Reply | undefined {
    const holder = this.holders.get(proxyId);
    if (holder !== undefined && holder.boot !== boot && nowMs - holder.heardMs < idKeptMs) return undefined;
    this.holders.set(proxyId, { boot, heardMs: nowMs });
    const answers = said.map((one) => ({ lease: one.lease, answer: this.exchange(proxyId, boot, one, nowMs) }));
    for (const former of formers) this.closeFor(proxyId, former, nowMs);
    if (this.isFrozen && isComplete && heard === this.incarnation) this.hasRestated(proxyId);
    const { incarnation, isFrozen, knownUntilMs } = this;
    return { incarnation, isFrozen, knownUntilMs, answers, held: this.heldBefore(proxyId, boot) };
  }

  private heldBefore(proxyId: string, boot: string): FormerLease[] {
    const held: FormerLease[] = [];
    for (const row of this.rows.leases.values()) {
      const { epoch, lease, account, state } = row;
      if (row.proxyId !== proxyId || row.boot === boot || state.isClosed) continue;
      const subject = account.slice(0, account.lastIndexOf("/"));
      held.push({ boot: row.boot, epoch, lease, subject, account, settled: state.settled, open: state.open });
    }
    return held;
  }

  leaseOf(proxyId: string, boot: string, epoch: number, lease: number): LeaseRow | undefined {
    const row = this.rows.leases.get(keyOf(proxyId, epoch, lease));
    return row?.boot === boot || this.bug === "leases-without-a-boot" ? row : undefined;
  }

  changeLimit(subject: Subject, limit: bigint, nowMs: number): void {
    if (limit < subject.limit && this.bug === "limit-lowered-late")
      this.formerLimits.set(subject.name, { limit: subject.limit, untilMs: nowMs + 20_000 });
    subject.limit = limit;
    this.current(subject, nowMs);
  }

  addUnreserved(subject: Subject, amount: bigint, nowMs: number): string {
    const row = this.current(subject, nowMs);
    this.keep(row, "", addUnreserved(row.state, amount));
    return row.name;
  }

  /** All that is lent to a proxy counts as spent. */
  writeOff(proxyId: string, nowMs: number): void {
    const hasRestated = !this.isFrozen || this.restated.has(proxyId);
    for (const [key, row] of this.rows.leases) {
      if (row.proxyId !== proxyId || row.state.isClosed) continue;
      const account = this.accountOf(row);
      const done = writeOff(account.state, row.state, nowMs);
      const isReturned = this.bug === "exposure-back-with-its-holder" && row.account.startsWith("exposure/");
      const without = { ...done.account, ended: account.state.ended };
      row.state = done.lease;
      const entries = this.bug === "write-off-without-entry" ? [] : done.entries;
      this.keep(
        account,
        key,
        isReturned
          ? { account: without, entries: [{ what: "closed", spent: 0n }] }
          : { account: done.account, entries },
      );
    }
    if (!hasRestated && this.bug !== "presumes-nothing") this.presume(nowMs);
    if (this.isFrozen) this.hasRestated(proxyId);
  }

  /** Also of what was opened after the backup, and is not in it. */
  private presume(nowMs: number): void {
    for (const subject of this.subjects.values()) this.current(subject, nowMs);
    for (const row of this.rows.accounts.values()) this.keep(row, "", presumeSpent(row.state, nowMs));
  }

  /** Who must restate, or be written off, before anything is lent again. */
  missing(): string[] {
    return this.isFrozen ? [...this.proxies].filter((proxyId) => !this.restated.has(proxyId)) : [];
  }

  backUp(nowMs: number): () => void {
    const copy = copyOf(this.rows);
    // Who had not restated yet when it was taken is not in it either.
    const knownUntilMs = this.isFrozen ? this.knownUntilMs : nowMs;
    return () => {
      this.knownUntilMs = knownUntilMs;
      this.rows = copyOf(copy);
      this.incarnation += 1;
      this.restated = new Set();
      this.isFrozen = this.bug !== "lends-while-frozen";
    };
  }

  /** The account that is lent from now. */
  current(subject: Subject, nowMs: number): AccountRow {
    const { name: about, periodMs, kind, windowMs } = subject;
    const period = periodMs === undefined ? 0 : Math.floor(nowMs / periodMs);
    const name = `${about}/${period}`;
    let row = this.rows.accounts.get(name);
    if (row === undefined) {
      const endsMs = periodMs === undefined ? undefined : (period + 1) * periodMs;
      row = { name, subject, endsMs, state: openAccount(kind, 0n, windowMs) };
      this.rows.accounts.set(name, row);
    }
    const former = this.formerLimits.get(about);
    const limit = former !== undefined && nowMs < former.untilMs ? former.limit : subject.limit;
    this.keep(row, "", setLimit(row.state, limit));
    if (subject.limit > (this.highest.get(name) ?? -1n)) this.highest.set(name, subject.limit);
    return row;
  }

  private exchange(proxyId: string, boot: string, said: Said, nowMs: number): LeaseAnswer {
    const { epoch, lease, subject: name, statement } = said;
    const subject = this.subjects.get(name);
    if (subject === undefined) throw new Error(`there is no subject ${name}`);
    const current = this.current(subject, nowMs);
    const key = keyOf(proxyId, epoch, lease);
    const known = this.leaseOf(proxyId, boot, epoch, lease);
    const account = this.rows.accounts.get(known?.account ?? (said.account || current.name));
    if (account === undefined) return this.overAnswer(said.account, statement);
    if (this.isOfAnother(key, known)) return this.overAnswer(account.name, statement);
    const row = known ?? { proxyId, boot, epoch, lease, account: account.name, state: newLease, heardMs: nowMs };
    this.rows.leases.set(key, row);
    const isOver = account !== current;
    const draw = isOver && statement.open === 0n ? undefined : statement.draw;
    const before = this.bent(account, row);
    const done = exchange(before.account, before.lease, this.misheard({ ...statement, draw }, row.state), {
      nowMs,
      isFrozen: this.isFrozen,
    });
    const isLent = done.entries.some(({ what }) => what === "granted");
    if (isLent && taken(done.account) > (isOver ? done.account.limit : subject.limit))
      this.broken = `lent: ${account.name} has ${taken(done.account)} taken of ${subject.limit}`;
    row.state = done.lease;
    row.heardMs = nowMs;
    const unbent =
      done.account.limit === account.state.limit ? done.account : { ...done.account, limit: account.state.limit };
    this.keep(account, key, { account: unbent, entries: done.entries });
    const { state } = account;
    return {
      ...done.answer,
      revision: done.lease.isClosed ? statement.revision : done.answer.revision,
      account: account.name,
      msLeft: account.endsMs === undefined ? undefined : Math.max(0, account.endsMs - nowMs),
      isOver: isOver || done.lease.isClosed,
      isFrozen: this.isFrozen,
      news: { limit: state.limit, settled: spent(state), counted: taken(state) },
    };
  }

  /** Of an account that is over, and was opened after the backup that this ledger comes from. */
  private overAnswer(account: string, { revision }: Statement): LeaseAnswer {
    const news = { limit: 0n, settled: 0n, counted: 0n };
    const nothing = { grant: undefined, keepAtMost: undefined, msLeft: 0, isOver: true, isFrozen: this.isFrozen };
    return { account, revision, news, ...nothing };
  }

  private closeFor(proxyId: string, { boot, epoch, lease, account: name, ...said }: FormerLease, nowMs: number): void {
    const key = keyOf(proxyId, epoch, lease);
    const known = this.leaseOf(proxyId, boot, epoch, lease);
    if (this.isOfAnother(key, known)) return;
    // It may be of now, and not in the backup.
    const subject = this.subjects.get(name.slice(0, name.lastIndexOf("/")));
    if (subject !== undefined) this.current(subject, nowMs);
    const account = this.rows.accounts.get(known?.account ?? name);
    // What is over and forgotten lends nothing any more.
    if (account === undefined) return;
    const row = known ?? { proxyId, boot, epoch, lease, account: name, state: newLease, heardMs: nowMs };
    this.rows.leases.set(key, row);
    const done = closeFor(account.state, row.state, said, nowMs);
    row.state = done.lease;
    this.keep(account, key, done);
  }

  private hasRestated(proxyId: string): void {
    this.restated.add(proxyId);
    if (this.missing().length === 0) this.isFrozen = false;
  }

  private misheard(statement: Statement, { revision, lastDraw }: Lease): Statement {
    if (this.bug === "revision-ignored") return { ...statement, revision: revision + 1n };
    if (this.bug === "grant-under-way-forgotten") return { ...statement, draws: Math.max(statement.draws, lastDraw) };
    return statement;
  }

  /** An account and a lease as a mistaken ledger sees them. */
  private bent({ state }: AccountRow, { state: lease }: LeaseRow): { account: Account; lease: Lease } {
    if (this.bug === "lends-above") return { account: { ...state, limit: state.limit + state.limit / 4n + 1n }, lease };
    if (this.bug === "window-from-the-grant" && state.windowMs > 0) {
      const returning = state.returning.map(({ atMs, amount }) => ({ atMs: atMs - state.windowMs / 2, amount }));
      return { account: { ...state, returning }, lease };
    }
    return { account: state, lease };
  }

  /** For mistakes that reduce what a lease counts for. */
  reduce(row: LeaseRow, by: bigint): void {
    const account = this.accountOf(row);
    const less = by < row.state.unspent ? by : row.state.unspent;
    if (row.state.isClosed || less <= 0n) return;
    row.state = { ...row.state, unspent: row.state.unspent - less };
    account.state = { ...account.state, counted: account.state.counted - less };
    const { revision, settled, open, unspent } = row.state;
    const key = keyOf(row.proxyId, row.epoch, row.lease);
    this.journal(account.name).push({ lease: key, entry: { what: "stated", revision, settled, open, unspent } });
  }

  journal(account: string): JournalEntry[] {
    const known = this.rows.journals.get(account);
    if (known !== undefined) return known;
    const made: JournalEntry[] = [];
    this.rows.journals.set(account, made);
    return made;
  }

  accountOf({ account }: Pick<LeaseRow, "account">): AccountRow {
    const row = this.rows.accounts.get(account);
    if (row === undefined) throw new Error(`there is no account ${account}`);
    return row;
  }

  /** A boot on a machine with a copy of the disk had the epoch, too, and the number. */
  private isOfAnother(key: string, known: LeaseRow | undefined): boolean {
    return known === undefined && this.rows.leases.has(key);
  }

  private keep(row: AccountRow, lease: string, done: { account: Account; entries: readonly Entry[] }): void {
    row.state = done.account;
    if (done.entries.length === 0) return;
    const journal = this.journal(row.name);
    for (const entry of done.entries) journal.push({ lease: isOfAll(entry) ? "" : lease, entry });
  }
}

function keyOf(proxyId: string, epoch: number, lease: number): string {
  return `${proxyId}/${epoch}/${lease}`;
}

function isOfAll({ what }: Entry): boolean {
  return what === "limited" || what === "unreserved" || what === "presumed" || what === "returned";
}

function copyOf({ accounts, leases, journals }: Rows): Rows {
  return {
    accounts: new Map([...accounts].map(([name, row]) => [name, { ...row }])),
    leases: new Map([...leases].map(([key, row]) => [key, { ...row }])),
    journals: new Map([...journals].map(([name, entries]) => [name, [...entries]])),
  };
}
