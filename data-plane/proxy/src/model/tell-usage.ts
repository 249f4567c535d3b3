// What a key may spend and has spent, as Claude Code asks for it. The ledger is asked where this worker knows nothing yet, and where
// it cannot be, the budget is told without what was spent of it.

import { budgetsOf } from "@tollgate/kernel/quotas/charged";
import { answerJson } from "../http/answer.ts";
import type { Exchange } from "../http/listener.ts";
import { budgetCharge } from "../lending/charged.ts";
import type { Desk } from "../lending/desk.ts";
import { standingOf } from "../lending/standing.ts";
import type { Admitted, Call, Step } from "../pipeline/call.ts";
import type { Accounts } from "../pipeline/record.ts";
import { usageBody } from "./anthropic/allowance.ts";

type Asking = Admitted<Call & { readonly exchange: Exchange }>;

export function tellUsage(desk: Desk | undefined, accounts: Pick<Accounts, "refuse">): Step<Asking> {
  return ({ call, view, principal }) => {
    const { response, requestId } = call.exchange;
    const budgets = budgetsOf(view, principal);
    if (budgets.outcome === "refused") return accounts.refuse(call, { code: budgets.code }, { principal });
    const charges = budgets.to.filter(({ hard }) => hard).map((budget) => budgetCharge(budget, 0n));
    if (desk === undefined || charges.length === 0) return answerJson(response, requestId, 200, usageBody([]));
    desk.look(
      charges.map(({ subject, kind }) => ({ subject, kind, amount: 0n })),
      () => answerJson(response, requestId, 200, usageBody(standingOf(desk, charges).allowances)),
    );
  };
}
