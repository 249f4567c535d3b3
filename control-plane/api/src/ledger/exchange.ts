// What proxies say of their leases and draw, taken in: one transaction for a request, under the locks of the accounts that it is
// about. Subjects are read under a lock that whoever changes them takes as well, so that nothing is lent by what a budget said
// before. The clock is the database's, the same for all processes of the control plane.

import {
  exchange,
  closeFor,
  newLease,
  openAccount,
  setLimit,
  spent,
  taken,
  type Lease,
} from "@tollgate/kernel/lending/account";
import type { ExchangeReply, LeaseAnswerSchema, LeaseStatement } from "@tollgate/schema/ledger";
import { Shortage } from "@tollgate/schema/ledger";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Database, Sql } from "../database.ts";
import { openingBalance, scopeOfSubject } from "./unreserved.ts";
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
): Promise<Exchanged> {
  return database.transaction(async (sql) => {
    const nowMs = await lockSubjects(sql, statements);
    const subjects = await readSubjects(sql, [...new Set(statements.map(({ subject }) => subject))], nowMs);
    const leases = await readLeases(sql, proxyId, statements);
    const work = new Work(sql, proxyId, nowMs, isFrozen, leases);
    for (const statement of statements) work.place(statement, subjects.get(statement.subject));
    await work.lock(subjects);
    const answers = statements.map((statement) => work.take(statement, subjects.get(statement.subject)));
    await work.save();
    return { answers };
  });
}

/** Shared with others who lend, and waits for who changes a subject; answers the time. */
async function lockSubjects(sql: Sql, statements: readonly LeaseStatement[]): Promise<number> {
  const names = [...new Set(statements.map(({ subject }) => lockName(subject)))].sort();
  const [row] = await sql.query<{ now: bigint }>(
    `SELECT count(pg_advisory_xact_lock_shared(hashtextextended(name, 7))) AS locked,
       (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now FROM unnest($1::text[]) AS name`,
    [names],
  );
  return Number(row?.now ?? 0n);
}

/** A budget's money and exposure change together. */
export function lockName(subject: string): string {
  return subject.startsWith("exposure/") ? `budget/${subject.slice("exposure/".length)}` : subject;
}

/** The accounts and leases of one request, while it is under way. */
class Work {
  private readonly sql: Sql;
  private readonly proxyId: string;
  private readonly nowMs: number;
  private readonly isFrozen: boolean;
  private readonly leases: Map<string, StoredLease>;
  private accounts = new Map<string, StoredAccount>();
  private readonly changed = new Set<string>();
  private readonly changedLeases = new Set<string>();
  private readonly journal: JournalRow[] = [];

  constructor(sql: Sql, proxyId: string, nowMs: number, isFrozen: boolean, leases: Map<string, StoredLease>) {
    this.sql = sql;
    this.proxyId = proxyId;
    this.nowMs = nowMs;
    this.isFrozen = isFrozen;
    this.leases = leases;
  }

  /** Gives a lease that is not known its account: the one that it names, or the one that is lent from now. */
  place({ epoch, lease, account }: LeaseStatement, subject: Subject | undefined): void {
    const key = { proxyId: this.proxyId, epoch, lease };
    const of = account === "" ? subject?.account : account;
    const text = leaseText(key);
    if (of !== undefined && !this.leases.has(text)) this.leases.set(text, { ...key, account: of, state: newLease });
  }

  async lock(subjects: ReadonlyMap<string, Subject>): Promise<void> {
    const names = [...new Set([...this.leases.values()].map(({ account }) => account))].sort();
    const missing = await this.missing(names);
    for (const subject of subjects.values()) if (missing.has(subject.account)) await this.open(subject);
    this.accounts = await lockAccounts(this.sql, names);
    for (const subject of subjects.values()) {
      const account = this.accounts.get(subject.account);
      if (account !== undefined) this.keep(account, "", setLimit(account.state, subject.limit));
    }
  }

  private async missing(names: readonly string[]): Promise<Set<string>> {
    const rows = await this.sql.query<{ account: string }>(
      "SELECT account FROM unnest($1::text[]) AS account WHERE account NOT IN (SELECT account FROM ledger.account)",
      [names],
    );
    return new Set(rows.map(({ account }) => account));
  }

  /** Two may open it at once: one of them waits for the other's row, and opens nothing. */
  private async open(subject: Subject): Promise<void> {
    const { account, kind, windowMs, beginsMs, endsMs } = subject;
    const about = { account, subject: subjectOf(account), beginsMs, endsMs };
    const opened = await this.sql.query(
      `INSERT INTO ledger.account (account, subject, kind, window_ms, limit_amount, ended, unreserved, counted, settled,
         holders, returning_at, returning_amount, short_until_ms)
       VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0, 0, '{}', '{}', 0) ON CONFLICT DO NOTHING RETURNING 1`,
      [account, about.subject, kind, windowMs],
    );
    if (opened.length === 0) return;
    const empty = openAccount(kind, 0n, windowMs);
    const { account: state, entries } = await openingBalance(this.sql, empty, subject);
    await this.sql.query(
      `UPDATE ledger.account SET begins_at = to_timestamp($2::float8 / 1000), ends_at = to_timestamp($3::float8 / 1000),
         scope = $4 WHERE account = $1`,
      [account, beginsMs ?? null, endsMs ?? null, scopeOfSubject(subject)],
    );
    await saveAccount(this.sql, { ...about, state });
    for (const entry of entries) this.journal.push({ account, lease: "", entry, reason: "" });
  }

  take(statement: LeaseStatement, subject: Subject | undefined): LeaseAnswer {
    const { epoch, lease: number } = statement;
    const key = { epoch, lease: number };
    const lease = this.leases.get(leaseText({ proxyId: this.proxyId, ...key }));
    const account = lease && this.accounts.get(lease.account);
    // Nothing was ever lent of what is not there.
    if (lease === undefined || account === undefined) return { ...key, isOver: true, revision: statement.revision };
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

const shortages = { held: Shortage.HELD, spent: Shortage.SPENT, none: Shortage.UNSPECIFIED } as const;

function newsOf(account: StoredAccount["state"]): Pick<LeaseAnswer, "limit" | "settled" | "counted"> {
  return { limit: account.limit, settled: spent(account), counted: taken(account) };
}

/** `budget/<id>/<edition>/<period>` is of `budget/<id>`. */
function subjectOf(account: string): string {
  return account.split("/").slice(0, 2).join("/");
}

export type { ExchangeReply };
