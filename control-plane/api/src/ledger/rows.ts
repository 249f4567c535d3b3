// Accounts, leases and the journal as rows. Who reads an account to change it locks it until his transaction ends; several are
// locked in the order of their names, so that two who want the same ones wait and never block each other.

import type { Account, AccountKind, Entry, Lease } from "@tollgate/kernel/lending/account";
import type { Sql } from "../database.ts";

export type LeaseKey = { readonly proxyId: string; readonly epoch: bigint; readonly lease: number };
/** `boot`: of the proxy, that it was lent to; empty where a former version wrote it. */
export type StoredLease = LeaseKey & { readonly boot: string; readonly account: string; readonly state: Lease };
export type StoredAccount = {
  readonly account: string;
  readonly subject: string;
  readonly beginsMs: number | undefined;
  readonly endsMs: number | undefined;
  readonly state: Account;
};
export type JournalRow = {
  readonly account: string;
  readonly lease: string;
  readonly entry: Entry;
  readonly reason: string;
};

export function leaseText({ proxyId, epoch, lease }: LeaseKey): string {
  return `${proxyId}/${epoch}/${lease}`;
}

type AccountRow = {
  account: string;
  subject: string;
  kind: AccountKind;
  begins_ms: bigint | null;
  ends_ms: bigint | null;
  window_ms: bigint;
  limit_amount: bigint;
  ended: bigint;
  unreserved: bigint;
  counted: bigint;
  settled: bigint;
  holders: number;
  returning_at: bigint[];
  returning_amount: bigint[];
  short_until_ms: bigint;
};

const accountColumns = `account, subject, kind, window_ms, limit_amount, ended, unreserved, counted, settled, holders,
  returning_at, returning_amount, short_until_ms, (extract(epoch FROM begins_at) * 1000)::bigint AS begins_ms,
  (extract(epoch FROM ends_at) * 1000)::bigint AS ends_ms`;

/** Locked until the transaction ends: at once all that the transaction will want, or the order of names is none. */
export async function lockAccounts(sql: Sql, accounts: readonly string[] | "all"): Promise<Map<string, StoredAccount>> {
  const select = `SELECT ${accountColumns} FROM ledger.account`;
  const rows =
    accounts === "all"
      ? await sql.query<AccountRow>(`${select} ORDER BY account FOR UPDATE`)
      : await sql.query<AccountRow>(`${select} WHERE account = ANY ($1::text[]) ORDER BY account FOR UPDATE`, [
          accounts,
        ]);
  return new Map(rows.map((row) => [row.account, accountOf(row)]));
}

/** Not locked. */
export async function readAccount(sql: Sql, account: string): Promise<StoredAccount | undefined> {
  const rows = await sql.query<AccountRow>(`SELECT ${accountColumns} FROM ledger.account WHERE account = $1`, [
    account,
  ]);
  return rows.map(accountOf)[0];
}

/** Not locked: those of these subjects that have not ended by then. */
export async function readAccountsSince(
  sql: Sql,
  subjects: readonly string[],
  sinceMs: number,
): Promise<StoredAccount[]> {
  const rows = await sql.query<AccountRow>(
    `SELECT ${accountColumns} FROM ledger.account
     WHERE subject = ANY ($1::text[]) AND (ends_at IS NULL OR ends_at > to_timestamp($2::float8 / 1000)) ORDER BY account`,
    [subjects, sinceMs],
  );
  return rows.map(accountOf);
}

/** Not locked: for who looks on. */
export async function readAccounts(sql: Sql, subjects: readonly string[]): Promise<StoredAccount[]> {
  const rows = await sql.query<AccountRow>(
    `SELECT ${accountColumns} FROM ledger.account WHERE subject = ANY ($1::text[]) ORDER BY account`,
    [subjects],
  );
  return rows.map(accountOf);
}

function accountOf(row: AccountRow): StoredAccount {
  const { account, subject, kind, ended, unreserved, counted, settled, holders } = row;
  const returning = row.returning_at.map((atMs, index) => {
    return { atMs: Number(atMs), amount: row.returning_amount[index] ?? 0n };
  });
  return {
    account,
    subject,
    beginsMs: row.begins_ms === null ? undefined : Number(row.begins_ms),
    endsMs: row.ends_ms === null ? undefined : Number(row.ends_ms),
    state: {
      ...{ kind, ended, unreserved, counted, settled, holders, returning, limit: row.limit_amount },
      ...{ windowMs: Number(row.window_ms), shortUntilMs: Number(row.short_until_ms) },
    },
  };
}

export async function saveAccount(
  sql: Sql,
  { account, subject, beginsMs, endsMs, state }: StoredAccount,
): Promise<void> {
  const { kind, windowMs, limit, ended, unreserved, counted, settled, holders, returning, shortUntilMs } = state;
  await sql.query(
    `INSERT INTO ledger.account (account, subject, kind, begins_at, ends_at, window_ms, limit_amount, ended, unreserved,
       counted, settled, holders, returning_at, returning_amount, short_until_ms)
     VALUES ($1, $2, $3, to_timestamp($4::float8 / 1000), to_timestamp($5::float8 / 1000), $6, $7, $8, $9, $10, $11, $12,
       $13::bigint[], $14::bigint[], $15)
     ON CONFLICT (account) DO UPDATE SET limit_amount = excluded.limit_amount, ended = excluded.ended,
       unreserved = excluded.unreserved, counted = excluded.counted, settled = excluded.settled,
       holders = excluded.holders, returning_at = excluded.returning_at,
       returning_amount = excluded.returning_amount, short_until_ms = excluded.short_until_ms`,
    [
      ...[account, subject, kind, beginsMs ?? null, endsMs ?? null, windowMs, limit, ended, unreserved],
      ...[counted, settled, holders, returning.map(({ atMs }) => BigInt(atMs)), returning.map(({ amount }) => amount)],
      Math.ceil(shortUntilMs),
    ],
  );
}

type LeaseRow = {
  proxy_id: string;
  epoch: bigint;
  lease: number;
  boot: string;
  account: string;
  revision: bigint;
  settled: bigint;
  open: bigint;
  unspent: bigint;
  draws: number;
  last_draw: number;
  last_grant: bigint;
  is_closed: boolean;
};

export async function readLeases(
  sql: Sql,
  proxyId: string,
  keys: readonly Pick<LeaseKey, "epoch" | "lease">[],
): Promise<Map<string, StoredLease>> {
  const rows = await sql.query<LeaseRow>(
    `SELECT lease.* FROM unnest($2::bigint[], $3::int[]) AS asked (epoch, lease)
     JOIN ledger.lease AS lease ON lease.proxy_id = $1 AND lease.epoch = asked.epoch AND lease.lease = asked.lease`,
    [proxyId, keys.map(({ epoch }) => epoch), keys.map(({ lease }) => lease)],
  );
  return new Map(rows.map((row) => [leaseText({ ...row, proxyId }), leaseOf(row)]));
}

/** What is still lent to a proxy. */
export async function readOpenLeases(sql: Sql, proxyId: string): Promise<StoredLease[]> {
  const rows = await sql.query<LeaseRow>(
    "SELECT * FROM ledger.lease WHERE proxy_id = $1 AND NOT is_closed ORDER BY epoch, lease",
    [proxyId],
  );
  return rows.map(leaseOf);
}

function leaseOf(row: LeaseRow): StoredLease {
  const { proxy_id: proxyId, epoch, lease, boot, account, revision, settled, open, unspent, draws } = row;
  const state = { revision, settled, open, unspent, draws };
  return {
    ...{ proxyId, epoch, lease, boot, account },
    state: { ...state, lastDraw: row.last_draw, lastGrant: row.last_grant, isClosed: row.is_closed },
  };
}

export async function saveLeases(sql: Sql, leases: readonly StoredLease[]): Promise<void> {
  if (leases.length === 0) return;
  const states = leases.map(({ state }) => state);
  await sql.query(
    `INSERT INTO ledger.lease (proxy_id, epoch, lease, account, revision, settled, open, unspent, draws, last_draw,
       last_grant, is_closed, boot)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::int[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
       $8::bigint[], $9::int[], $10::int[], $11::bigint[], $12::boolean[], $13::text[])
     ON CONFLICT (proxy_id, epoch, lease) DO UPDATE SET revision = excluded.revision, settled = excluded.settled,
       open = excluded.open, unspent = excluded.unspent, draws = excluded.draws, last_draw = excluded.last_draw,
       last_grant = excluded.last_grant, is_closed = excluded.is_closed`,
    [
      ...[leases.map(({ proxyId }) => proxyId), leases.map(({ epoch }) => epoch), leases.map(({ lease }) => lease)],
      ...[leases.map(({ account }) => account), states.map(({ revision }) => revision)],
      ...[states.map(({ settled }) => settled), states.map(({ open }) => open), states.map(({ unspent }) => unspent)],
      ...[states.map(({ draws }) => draws), states.map(({ lastDraw }) => lastDraw)],
      ...[states.map(({ lastGrant }) => lastGrant), states.map(({ isClosed }) => isClosed)],
      leases.map(({ boot }) => boot),
    ],
  );
}

export async function addToJournal(sql: Sql, rows: readonly JournalRow[]): Promise<void> {
  if (rows.length === 0) return;
  const cells = rows.map(({ entry }) => cellsOf(entry));
  await sql.query(
    `INSERT INTO ledger.journal (account, lease, what, revision, settled, open, unspent, amount, reason)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
       $8::bigint[], $9::text[])`,
    [
      ...[rows.map(({ account }) => account), rows.map(({ lease }) => lease), rows.map(({ entry }) => entry.what)],
      ...[cells.map(({ revision }) => revision), cells.map(({ settled }) => settled), cells.map(({ open }) => open)],
      ...[cells.map(({ unspent }) => unspent), cells.map(({ amount }) => amount), rows.map(({ reason }) => reason)],
    ],
  );
}

type Cells = { revision: bigint; settled: bigint; open: bigint; unspent: bigint; amount: bigint };

function cellsOf(entry: Entry): Cells {
  const none = { revision: 0n, settled: 0n, open: 0n, unspent: 0n, amount: 0n };
  switch (entry.what) {
    case "limited":
      return { ...none, amount: entry.limit };
    case "unreserved":
    case "presumed":
    case "returned":
      return { ...none, amount: entry.amount };
    case "granted":
      return { ...none, revision: BigInt(entry.number), amount: entry.amount };
    case "closed":
      return { ...none, amount: entry.spent };
    case "stated": {
      const { revision, settled, open, unspent } = entry;
      return { ...none, revision, settled, open, unspent };
    }
  }
}

export type JournalCells = Cells & { lease: string; what: Entry["what"] };

export function entryOf({ what, revision, settled, open, unspent, amount }: JournalCells): Entry {
  switch (what) {
    case "limited":
      return { what, limit: amount };
    case "unreserved":
    case "presumed":
    case "returned":
      return { what, amount };
    case "granted":
      return { what, number: Number(revision), amount };
    case "closed":
      return { what, spent: amount };
    case "stated":
      return { what, revision, settled, open, unspent };
  }
}
