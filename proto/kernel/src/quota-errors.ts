// The part of the registry (errors.ts) that is about budgets, limits and the ledger. What is spent and what is only held are two
// errors, because a client does well to come again for the one and not for the other.

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
  "budget.unpriced": {
    class: "forbidden",
    text: "The model has no price, and a budget that has to hold is for this call.",
    help: "Publish a price for the model (`priceList`), or make the budget a soft one (`hard: false`).",
  },
  "budget.unbounded": {
    class: "forbidden",
    text: "Nobody can say what this call costs at most, and a budget that has to hold is for it.",
    help: "Leave the feature out, give the budget an allowance for it (`allow`), or make it a soft one (`hard: false`).",
  },
  "budget.ledger-silent": {
    class: "unavailable",
    text: "The ledger cannot be asked, and what was lent to this proxy is used up or too old.",
    help: "The control plane is away, or has frozen the ledger after a restore. `onLedgerLost: allow` lets calls go on.",
  },
  "limit.reached": {
    class: "exhausted",
    text: "A limit is reached.",
    help: "The message says which. Of requests and tokens there is room again as the window moves on, of calls at a time as one ends.",
    doors: { openai: { code: "rate_limit_exceeded" } },
  },
  "ledger.busy": {
    class: "conflict",
    text: "What is lent to the proxy changed while it was written off.",
    help: "Try it again. The proxy may not be gone after all: look at `fleet`.",
  },
} as const satisfies Record<string, ErrorEntry>;
