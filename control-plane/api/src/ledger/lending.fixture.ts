// Budgets and leases for specs on a real PostgreSQL, without a proxy: what one says and draws is said for it.

import { randomBytes } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { idBytes, idFromBytes } from "@tollgate/kernel/ids";
import { budgetDefaults, type BudgetSettings } from "@tollgate/kernel/quotas/budget-rules";
import { LeaseStatementSchema } from "@tollgate/schema/ledger";
import { BudgetPeriod } from "@tollgate/schema/resources";
import type { Database } from "../database.ts";
import { handle } from "../log/handle.ts";
import { budgetDecider } from "../quotas/budget.decider.ts";
import { exchangeAll } from "./exchange.ts";
import { ledgerState } from "./freeze.ts";

export function newId(): string {
  return idFromBytes(randomBytes(idBytes));
}

/** Of a key that nobody has, unless told. */
export async function newBudget(database: Database, settings: Partial<BudgetSettings>): Promise<string> {
  const id = newId();
  const scope = { kind: "key", id: newId() } as const;
  const whole = { ...budgetDefaults, scope, limitNanoUsd: 1_000n, period: BudgetPeriod.MONTH, ...settings };
  const command = { kind: "create", id, name: `b-${id}`, settings: whole } as const;
  const done = await handle(database, { decider: budgetDecider, id, command }, { timeMs: 1, actor: "system/spec" });
  if (done.outcome === "refused") throw new Error(`refused as ${done.refusal.kind}`);
  return id;
}

type Said = Exclude<MessageInitShape<typeof LeaseStatementSchema>, { $typeName: string }>;

/** The answer to one statement of a proxy's only boot. */
export async function say(database: Database, proxyId: string, said: Said) {
  const { isFrozen } = await ledgerState(database.sql);
  const statement = create(LeaseStatementSchema, { epoch: 1n, lease: 1, revision: 1n, ...said });
  const { answers } = await exchangeAll(database, proxyId, [statement], isFrozen);
  const [answer] = answers;
  if (answer === undefined) throw new Error("a statement without an answer");
  return answer;
}

/** So much is lent to a proxy of a budget's money. */
export function lend(database: Database, proxyId: string, budgetId: string, amount: bigint, more: Said = {}) {
  const draw = { number: 1, asked: amount, wanted: amount };
  return say(database, proxyId, { subject: `budget/${budgetId}`, draw, ...more });
}
