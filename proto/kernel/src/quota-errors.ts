// The part of the registry (errors.ts) that is about budgets and limits. What is spent and what is only held are two errors, because
// a client does well to come again for the one and not for the other.

import type { ErrorEntry } from "./error-shapes.ts";

export const quotaErrors = {
  "budget.spent": {
    class: "exhausted",
    text: "A budget that this call is charged to is spent.",
    help: "It is full again at the end of its period, which the answer names. Until then a raised limit or an override lets calls through.",
    doors: {
      anthropic: { type: "billing_error" },
      openai: { type: "insufficient_quota", code: "insufficient_quota" },
    },
  },
  "budget.held": {
    class: "exhausted",
    text: "What is left of a budget is held by calls that are under way.",
    help: "It comes back as they end, so far as they did not use it; clients try again by themselves. Where it lasts, the budget is nearly spent, or small beside what one call may cost.",
    doors: { openai: { code: "rate_limit_exceeded" } },
  },
  "limit.reached": {
    class: "exhausted",
    text: "A limit is reached.",
    help: "The message says which. Of requests and tokens there is room again as the window moves on, of calls at a time as one ends.",
    doors: { openai: { code: "rate_limit_exceeded" } },
  },
} as const satisfies Record<string, ErrorEntry>;
