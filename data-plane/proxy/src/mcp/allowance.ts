// What is told of budgets and limits over MCP, where nothing is said of them while calls go out. A call of a tool that may not
// go out has a result that is an error: a sentence that a model can read, and beside it, for programs, the code, how the limit
// stands and when it resets. To everything else it is an ordinary error with the same facts as its data.

import { shapeOf } from "@tollgate/kernel/errors";
import { formatUsd } from "@tollgate/kernel/money";
import { shortageCodes, shortageText, retrySeconds, type Shortage } from "../pipeline/allowance.ts";
import { toolErrorMessageOf } from "./answers.ts";
import type { Era } from "./catalogue/catalogue.ts";

/** `id` is the text of the client's id in JSON. */
export function shortageMessage(id: string, method: string, shortage: Shortage, nowMs: number, era: Era): string {
  const code = shortageCodes[shortage.kind];
  const message = shortageText(shortage, nowMs);
  const facts = factsOf(shortage, nowMs);
  if (method === "tools/call") {
    const named = Object.entries(facts).map(([name, value]) => [`tollgate/${name}`, value]);
    return toolErrorMessageOf(id, message, { "tollgate/code": code, ...Object.fromEntries(named) }, era);
  }
  const error = { code: shapeOf(code).jsonRpc, message, data: { code, ...facts } };
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`;
}

/** What is not known is left out. */
function factsOf(shortage: Shortage, nowMs: number): Readonly<Record<string, string | number>> {
  const seconds = retrySeconds(shortage, nowMs);
  const { resetMs } = shortage.kind === "limit" ? shortage.standing : shortage.allowance;
  return {
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
    ...(resetMs === undefined ? {} : { resetsAt: new Date(resetMs).toISOString() }),
    ...standingOf(shortage),
  };
}

function standingOf(shortage: Shortage): Readonly<Record<string, string | number>> {
  if (shortage.kind === "limit") {
    const { measure, limit, remaining } = shortage.standing;
    const { policyName: policy, decisionId } = shortage.decision ?? {};
    return {
      ...{ measure, limit, remaining: Math.max(0, remaining) },
      ...(policy === undefined || decisionId === undefined ? {} : { policy, decisionId }),
    };
  }
  const { scope, limitNanoUsd, settledNanoUsd, heldNanoUsd } = shortage.allowance;
  return {
    ...{ scope, limitUsd: formatUsd(limitNanoUsd) },
    ...{ settledUsd: formatUsd(settledNanoUsd), heldUsd: formatUsd(heldNanoUsd) },
  };
}
