// What proxies say of their leases and draw, taken in: one transaction for a request, under the locks of the accounts that it is
// about. Subjects are read under a lock that whoever changes them takes as well, so that nothing is lent by what a budget said
// before. The clock is the database's, the same for all processes of the control plane.

import { exchange, closeFor, newLease, setLimit, spent, taken, type Lease } from "@tollgate/kernel/lending/account";
import type { ExchangeReply, LeaseAnswerSchema, LeaseStatement } from "@tollgate/schema/ledger";
import { Shortage } from "@tollgate/schema/ledger";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Database, Sql } from "../database.ts";
import { repeated } from "../log/attempts.ts";
import { lockToLend } from "./lent-lock.ts";
import { openMissing } from "./open-accounts.ts";
import {
  addToJournal,
  leaseText,
  lockAccounts,
  readLeases,
  saveAccount,
  saveLeases,
  type JournalRow,
  type StoredAccount,
  type StoredLease,
} from "./rows.ts";
import { readSubjects, type Subject } from "./subjects.ts";

type LeaseAnswer = MessageInitShape<typeof LeaseAnswerSchema>;
export type Exchanged = { answers: LeaseAnswer[] };

export async function exchangeAll(
  database: Pick<Database, "transaction">,
  proxyId: string,
  statements: readonly LeaseStatement[],
  isFrozen: boolean,
  boot = "",
): Promise<Exchanged> {
  const named = statements.map(({ subject }) => subject);
  const attempt = async (sql: Sql): Promise<Exchanged> => {
    const nowMs = await lockToLend(sql, named);
    const subjects = await readSubjects(sql, [...new Set(named)], nowMs);
    const leases = await readLeases(sql, proxyId, statements);
    const work = new Work(sql, { proxyId, boot }, nowMs, isFrozen, leases);
    for (const statement of statements) work.place(statement, subjects.get(statement.subject));
    await work.lock(subjects);
    // Once more: the same may have been said to another process, which had the locks before.
    work.know(await readLeases(sql, proxyId, statements));
    const answers = statements.map((statement) => work.take(statement, subjects.get(statement.subject)));
    await work.save();
    return { answers };
  };
  return repeated(() => database.transaction(attempt));
}

/** The accounts and leases of one request, while it is under way. */
class Work {
  private readonly sql: Sql;
  private readonly proxyId: string;
  private readonly boot: string;
  private readonly nowMs: number;
  private readonly isFrozen: boolean;
  private readonly leases: Map<string, StoredLease>;
  private accounts = new Map<string, StoredAccount>();
  private readonly changed = new Set<string>();
  private readonly changedLeases = new Set<string>();
  private readonly journal: JournalRow[] = [];

  constructor(
    sql: Sql,
    { proxyId, boot }: { proxyId: string; boot: string },
    nowMs: number,
    isFrozen: boolean,
    leases: Map<string, StoredLease>,
  ) {
    this.sql = sql;
    this.proxyId = proxyId;
    this.boot = boot;
    this.nowMs = nowMs;
    this.isFrozen = isFrozen;
    this.leases = leases;
  }

  /** Gives a lease that is not known its account: the one that it names, or the one that is lent from now. */
  place(statement: LeaseStatement, subject: Subject | undefined): void {
    const { epoch, lease, account } = statement;
    const key = { proxyId: this.proxyId, epoch, lease, boot: this.bootOf(statement) };
    const of = account === "" ? subject?.account : account;
    const text = leaseText(key);
    if (of !== undefined && !this.leases.has(text)) this.leases.set(text, { ...key, account: of, state: newLease });
  }

  private bootOf({ isOfFormer, boot }: LeaseStatement): string {
    return isOfFormer ? boot : this.boot;
  }

  /** What leases stand at under the locks. */
  know(leases: ReadonlyMap<string, StoredLease>): void {
    for (const [text, lease] of leases) this.leases.set(text, lease);
  }

  async lock(subjects: ReadonlyMap<string, Subject>): Promise<void> {
    const names = [...new Set([...this.leases.values()].map(({ account }) => account))].sort();
    const wanted = [...subjects.values()].filter(({ account }) => names.includes(account));
    this.journal.push(...(await openMissing(this.sql, wanted)));
    this.accounts = await lockAccounts(this.sql, names);
    for (const subject of subjects.values()) {
      const account = this.accounts.get(subject.account);
      if (account !== undefined) this.keep(account, "", setLimit(account.state, subject.limit));
    }
  }

  take(statement: LeaseStatement, subject: Subject | undefined): LeaseAnswer {
    const { epoch, lease: number } = statement;
    const key = { epoch, lease: number };
    const lease = this.leases.get(leaseText({ proxyId: this.proxyId, ...key }));
    const account = lease && this.accounts.get(lease.account);
    // Nothing was ever lent of what is not there.
    if (lease === undefined || account === undefined) return { ...key, isOver: true, revision: statement.revision };
    const boot = this.bootOf(statement);
    if (lease.boot !== boot && lease.boot !== "" && boot !== "") return ofAnother(statement, subject);
    const isOver = subject?.account !== lease.account;
    const { nowMs } = this;
    if (statement.isOfFormer) {
      this.keep(account, lease, closeFor(account.state, lease.state, statement, nowMs));
      return { ...key, account: lease.account, revision: statement.revision, isOver: true };
    }
    const said = {
      ...statement,
      // What runs over the end of its account is charged to it all the same, and may need more of it.
      draw: isOver && statement.open === 0n ? undefined : statement.draw,
      draws: statement.draws,
    };
    const done = exchange(account.state, lease.state, said, { nowMs, isFrozen: this.isFrozen });
    this.keep(account, lease, done);
    const { grant, keepAtMost, revision } = done.answer;
    return {
      ...key,
      account: lease.account,
      revision: done.lease.isClosed ? statement.revision : revision,
      ...(grant === undefined ? {} : { grant: { ...grant, shortage: shortages[grant.shortage ?? "none"] } }),
      ...(account.endsMs === undefined ? {} : { msLeft: BigInt(Math.max(0, Math.floor(account.endsMs - nowMs))) }),
      ...(keepAtMost === undefined ? {} : { keepAtMost }),
      isOver: isOver || done.lease.isClosed,
      ...newsOf(done.account),
      ...(done.roomInMs === undefined ? {} : { roomInMs: BigInt(Math.ceil(done.roomInMs)) }),
    };
  }

  private keep(
    account: StoredAccount,
    lease: StoredLease | "",
    {
      account: state,
      entries,
      ...more
    }: { account: StoredAccount["state"]; entries: readonly JournalRow["entry"][]; lease?: Lease },
  ): void {
    if (state !== account.state) this.changed.add(account.account);
    this.accounts.set(account.account, { ...account, state });
    const text = lease === "" ? "" : leaseText(lease);
    if (lease !== "" && more.lease !== undefined && more.lease !== lease.state) {
      this.leases.set(text, { ...lease, state: more.lease });
      this.changedLeases.add(text);
    }
    for (const entry of entries) {
      const isOfLease = entry.what === "stated" || entry.what === "granted" || entry.what === "closed";
      this.journal.push({ account: account.account, lease: isOfLease ? text : "", entry, reason: "" });
    }
  }

  async save(): Promise<void> {
    for (const name of this.changed) {
      const account = this.accounts.get(name);
      if (account !== undefined) await saveAccount(this.sql, account);
    }
    await saveLeases(
      this.sql,
      [...this.changedLeases].flatMap((text) => this.leases.get(text) ?? []),
    );
    await addToJournal(this.sql, this.journal);
  }
}

/**
 * Machines with copies of one disk have the same epochs in stock, and boots of them use the same numbers. To this one nothing was
 * lent under the number: it goes on under the next.
 */
function ofAnother({ epoch, lease, account, revision }: LeaseStatement, subject: Subject | undefined): LeaseAnswer {
  return { epoch, lease, account: account === "" ? (subject?.account ?? "") : account, isOver: true, revision };
}

const shortages = { held: Shortage.HELD, spent: Shortage.SPENT, none: Shortage.UNSPECIFIED } as const;

function newsOf(account: StoredAccount["state"]): Pick<LeaseAnswer, "limit" | "settled" | "counted"> {
  return { limit: account.limit, settled: spent(account), counted: taken(account) };
}

export type { ExchangeReply };
