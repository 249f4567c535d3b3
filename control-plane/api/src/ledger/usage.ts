// How a budget stands in its present period, for screens. It is read without a lock, so that the numbers are of one moment each and
// not of one moment together.

import { spent } from "@tollgate/kernel/lending/account";
import type { Budget } from "@tollgate/schema/resources";
import type { Sql } from "../database.ts";
import { int8Max } from "../usage/batch.ts";
import { readAccounts } from "./rows.ts";
import { budgetSubject } from "./subjects.ts";

export type Usage = {
  readonly limit: bigint;
  readonly spent: bigint;
  readonly reserved: bigint;
  readonly lent: bigint;
  readonly beginsMs: number | undefined;
  readonly endsMs: number | undefined;
};

/** Undefined where the period's account is not opened yet. */
export async function readUsage(sql: Sql, budget: Budget, nowMs: number): Promise<Usage | undefined> {
  const subject = budgetSubject(budget, "budget", nowMs);
  const accounts = await readAccounts(sql, [`budget/${budget.id}`]);
  const account = accounts.find((one) => one.account === subject?.account);
  if (account === undefined) return undefined;
  const [leases] = await sql.query<{ open: bigint; unspent: bigint }>(
    `SELECT least(coalesce(sum(open), 0), ${int8Max})::bigint AS open,
       least(coalesce(sum(unspent), 0), ${int8Max})::bigint AS unspent
     FROM ledger.lease WHERE account = $1 AND NOT is_closed`,
    [account.account],
  );
  const { state, beginsMs, endsMs } = account;
  const { open: reserved = 0n, unspent: lent = 0n } = leases ?? {};
  return { limit: state.limit, spent: spent(state), reserved, lent, beginsMs, endsMs };
}

/** The most that a limit of the account ever was. */
function mostOf(account: string): string {
  return `(SELECT max(amount) FROM ledger.journal WHERE account = ${account} AND what = 'limited')`;
}

/**
 * What calls have cost beyond what their budgets promise, all together: the most that a limit ever was in the period, and the
 * exposure. It has to stay zero.
 */
export async function readOverspend(sql: Sql): Promise<bigint> {
  const [row] = await sql.query<{ sum: bigint }>(
    // Of what is within its present limit no entry is read.
    `WITH over AS (
       SELECT ended::numeric + settled AS spent, ${mostOf("of.account")} AS own,
         ${mostOf("'exposure/' || substr(of.account, length('budget/') + 1)")} AS exposure
       FROM ledger.account AS of WHERE of.account LIKE 'budget/%' AND ended::numeric + settled > limit_amount
     )
     SELECT least(coalesce(sum(greatest(0, spent - own - coalesce(exposure, 0))), 0), ${int8Max})::bigint AS sum
     FROM over WHERE own IS NOT NULL`,
  );
  return row?.sum ?? 0n;
}
