// The kind `limit`: what its expression matches counts against one amount, over all proxies and whoever calls. It says what a
// call counts against and counts nothing itself: that is the ledger's, with the accounts that limits have, and a call that
// another policy refuses takes nothing of it. Calls of servers have no tokens.

import { LimitMeasure, LimitWindow, type LimitPolicy } from "@tollgate/schema/resources";
import { countedProblem, limitMeasures, limitWindows } from "../quotas/limit-rules.ts";
import { passes, PolicyRefused, type Judge, type PolicyLimit } from "./answer.ts";

export function compileLimit(
  { measure, amount, window }: LimitPolicy,
  policy: Pick<PolicyLimit, "policyId" | "policyName">,
): Judge {
  const isConcurrent = measure === LimitMeasure.CONCURRENT_CALLS;
  const measured = wordOf(limitMeasures, measure);
  if (measured === undefined) throw refused("measure", "it is none that is known here");
  const within = wordOf(limitWindows, window);
  if (window !== LimitWindow.UNSPECIFIED && within === undefined)
    throw refused("window", "it is none that is known here");
  const problem = countedProblem({ measure, amount, window: within === undefined ? undefined : window });
  if (problem !== undefined) throw refused(problem.field, `it ${problem.problem}`);
  const detail = isConcurrent ? `${amount} calls at a time` : `${amount} ${measured} in any ${within}`;
  const counts = { outcome: "counts", limit: { ...policy, measure, amount }, detail } as const;
  if (measure !== LimitMeasure.TOKENS) return () => counts;
  return ({ call }) => (call.door === "mcp" ? passes : counts);
}

function wordOf<T>(words: Readonly<Record<string, T>>, value: T): string | undefined {
  return Object.entries(words).find(([, known]) => known === value)?.[0];
}

function refused(field: string, message: string): PolicyRefused {
  return new PolicyRefused({ field: `limit.${field}`, message });
}
