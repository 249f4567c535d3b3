// The part of the error registry that is about budgets, limits and the ledger. A refusal says to the caller when it is worth coming
// again: what is held comes back soon, what is spent does not before a time.

import type { ErrorEntry } from "./error-shapes.ts";

export const quotaErrors = {
  "budget.spent": {
    class: "exhausted",
    text: "The budget is spent.",
    help: "Calls are served again when its next period begins, when its limit is raised, or with an override.",
    doors: { anthropic: { type: "billing_error" }, openai: { type: "insufficient_quota", code: "insufficient_quota" } },
  },
  "budget.held": {
    class: "exhausted",
    text: "What is left of the budget is held by calls under way.",
    help: "Try it again soon: what they do not use comes back. A smaller `max_tokens` holds less.",
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
  "limit.requests": {
    class: "exhausted",
    text: "There were as many requests as may be.",
    help: "They may be sent again as earlier ones fall out of the limit's window.",
  },
  "limit.tokens": {
    class: "exhausted",
    text: "There were as many tokens as may be.",
    help: "Calls are let in again as earlier tokens fall out of the limit's window.",
  },
  "limit.calls": {
    class: "exhausted",
    text: "As many calls are under way as may be at one time.",
    help: "Try it again when one of them has ended.",
  },
  "ledger.busy": {
    class: "conflict",
    text: "What is lent to the proxy changed while it was written off.",
    help: "Try it again. The proxy may not be gone after all: look at `fleet`.",
  },
} as const satisfies Record<string, ErrorEntry>;
