// Looks at how budgets stand, again and again, and says in the log which thresholds were reached. It is apart from what lends and
// what stores facts, so that neither ever waits for the log. It remembers nothing: what was said is in the log, and of several
// processes that find the same at once one appends. It also opens each period's accounts, those of soft budgets too, of which
// nothing is lent, and keeps their limits: without an account nobody would add up what is spent.

import { fromBinary } from "@bufbuild/protobuf";
import { spent } from "@tollgate/kernel/lending/account";
import { BudgetSchema, type Budget } from "@tollgate/schema/resources";
import { isConnectionFailure, type Database, type Sql } from "../database.ts";
import { repeated } from "../log/attempts.ts";
import { handlePrepared } from "../log/handle.ts";
import {
  budgetThresholdDecider,
  isReached,
  thresholdId,
  type BudgetStanding,
  type ReachCommand,
} from "./budget-threshold.decider.ts";
import { lockToLend } from "./lent-lock.ts";
import { openWithLimits } from "./open-accounts.ts";
import { readAccountsSince, type StoredAccount } from "./rows.ts";
import { budgetSubject, readSubjects, type Subject } from "./subjects.ts";

const everyMs = 5_000;
const budgetsPerPage = 500;
/** Facts that come later than this after a period's end are counted, and reach nothing. */
const lateMsMax = 7 * 24 * 3_600_000;
const actor = "system/ledger";

export type ThresholdParts = {
  readonly database: Database;
  readonly nowMs: () => number;
  readonly onProblem: (error: unknown) => void;
};

/** Answers how it is stopped. */
export function startThresholds(parts: ThresholdParts): () => void {
  const { onProblem } = parts;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const next = (): void => {
    if (!isStopped) timer = setTimeout(() => void sweep(parts).catch(onProblem).finally(next), everyMs).unref();
  };
  next();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/** What goes wrong with one budget is told, and keeps nothing from the others. */
export async function sweep(parts: ThresholdParts): Promise<void> {
  const { database } = parts;
  const nowMs = await lockToLend(database.sql, []);
  for (let after: string | undefined = ""; after !== undefined;) {
    const budgets = await readBudgets(database.sql, after);
    await openDue(parts, budgets, nowMs);
    await raiseDue(parts, budgets, nowMs);
    after = budgets.length < budgetsPerPage ? undefined : budgets.at(-1)?.id;
  }
}

async function readBudgets(sql: Sql, after: string): Promise<Budget[]> {
  const rows = await sql.query<{ body: Uint8Array }>(
    "SELECT body FROM budgets_v1.resource WHERE is_live AND id > $1 ORDER BY id LIMIT $2",
    [after, budgetsPerPage],
  );
  return rows.map(({ body }) => fromBinary(BudgetSchema, body));
}

function readCounted(sql: Sql, budgets: readonly Budget[], nowMs: number): Promise<StoredAccount[]> {
  return readAccountsSince(sql, budgets.map(subjectOf), nowMs - lateMsMax);
}

/** Without the database nothing of the others would come of it. */
async function byItself({ onProblem }: ThresholdParts, what: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (isConnectionFailure(error)) throw error;
    onProblem(new Error(`not looked at: ${what}`, { cause: error }));
  }
}

/** Each in a transaction of its own: while one is opened no fact is stored. */
async function openDue(parts: ThresholdParts, budgets: readonly Budget[], nowMs: number): Promise<void> {
  const { database } = parts;
  const limits = new Map(
    (await readCounted(database.sql, budgets, nowMs)).map(({ account, state }) => [account, state.limit]),
  );
  for (const budget of budgets) {
    const due = budgetSubject(budget, "budget", nowMs);
    if (due === undefined || limits.get(due.account) === due.limit) continue;
    const attempt = async (sql: Sql): Promise<void> => {
      const subject = await readHeld(sql, subjectOf(budget));
      if (subject !== undefined) await openWithLimits(sql, [subject]);
    };
    await byItself(parts, due.account, () => repeated(() => database.transaction(attempt)));
  }
}

/** As the log has it, until the transaction ends. */
async function readHeld(sql: Sql, name: string): Promise<Subject | undefined> {
  const nowMs = await lockToLend(sql, [name]);
  return (await readSubjects(sql, [name], nowMs)).get(name);
}

async function raiseDue(parts: ThresholdParts, budgets: readonly Budget[], nowMs: number): Promise<void> {
  const { sql } = parts.database;
  const byId = new Map(budgets.map((budget) => [budget.id, budget]));
  const due = (await readCounted(sql, budgets, nowMs)).flatMap(({ account, state }) => {
    const [, id = ""] = account.split("/");
    const budget = byId.get(id);
    if (budget === undefined || editionOf(account) !== String(budget.edition)) return [];
    const standing = { limitNanoUsd: state.limit, spentNanoUsd: spent(state) };
    return budget.thresholdsPercent
      .filter((percent) => isReached(standing, percent))
      .map((percent) => ({ id: thresholdId(account, percent), account, budgetId: id, percent }));
  });
  const said = await sql.query<{ id: string }>(
    "SELECT id FROM budget_thresholds_v1.resource WHERE id = ANY ($1::text[])",
    [due.map(({ id }) => id)],
  );
  const known = new Set(said.map(({ id }) => id));
  for (const one of due) if (!known.has(one.id)) await byItself(parts, one.id, () => raise(parts, one));
}

type Due = { readonly id: string; readonly account: string; readonly budgetId: string; readonly percent: number };

/** What the budget says, and what is spent, are looked at again in the transaction that says so. */
async function raise({ database, nowMs }: ThresholdParts, { id, account, budgetId, percent }: Due): Promise<void> {
  const timeMs = nowMs();
  const prepare = async (sql: Sql): Promise<ReachCommand> => {
    const standing = await standingOf(sql, account, budgetId);
    return { kind: "reach", id, percent, standing, timeMs };
  };
  await handlePrepared(database, { decider: budgetThresholdDecider, id, prepare }, { actor, timeMs });
}

async function standingOf(sql: Sql, name: string, budgetId: string): Promise<BudgetStanding | undefined> {
  const subject = await readHeld(sql, `budget/${budgetId}`);
  const accounts = await readAccountsSince(sql, [`budget/${budgetId}`], 0);
  const account = accounts.find((one) => one.account === name);
  if (subject === undefined || account === undefined || editionOf(subject.account) !== editionOf(name))
    return undefined;
  // A period that is over keeps the limit that it ended with.
  const limitNanoUsd = subject.account === name ? subject.limit : account.state.limit;
  return { budgetId, account: name, limitNanoUsd, spentNanoUsd: spent(account.state) };
}

function editionOf(account: string): string | undefined {
  return account.split("/")[2];
}

function subjectOf({ id }: Budget): string {
  return `budget/${id}`;
}
