// The provider's own account: what it would put on the invoice for each request, in tokens by kind. It knows no prices and
// nothing of what anybody else counted, which is what makes it worth comparing with. Refused requests are not in it.
import type { Kind, Operation, Usage } from "./reply.ts";

export interface Charge {
  /** As the head of the answer names it, or would have. */
  readonly requestId: string;
  readonly kind: Kind;
  readonly operation: Operation;
  readonly credential: string;
  /** As it was asked for. */
  readonly model: string;
  readonly usage: Usage;
  /** The answer did not reach its end. */
  readonly isBrokenOff: boolean;
}

const noUsage: Usage = {
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  webSearches: 0,
  serviceTier: "",
};

/** The sum is exact however many are booked; the entries are kept only up to a number, and said to be too many behind it. */
export class Account {
  #charges: Charge[] = [];
  #count = 0;
  #total = noUsage;

  book(charge: Charge): void {
    this.#count++;
    this.#total = plus(this.#total, charge.usage);
    if (this.#count <= chargesMax) this.#charges.push(charge);
  }

  /** All charges in one; tiers are not added. */
  total(): Usage {
    return this.#total;
  }

  charges(): readonly Charge[] {
    if (this.#count > chargesMax) throw new Error(`the bill has ${this.#count} entries, more than are kept`);
    return [...this.#charges];
  }
}

const chargesMax = 200_000;

function plus(one: Usage, other: Usage): Usage {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheWrite5mTokens: one.cacheWrite5mTokens + other.cacheWrite5mTokens,
    cacheWrite1hTokens: one.cacheWrite1hTokens + other.cacheWrite1hTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    webSearches: one.webSearches + other.webSearches,
    serviceTier: "",
  };
}

/** What is paid for an answer of which so much was generated. */
export function usageOfPart(whole: Usage, outputTokens: number): Usage {
  if (outputTokens >= whole.outputTokens) return whole;
  return { ...whole, outputTokens, reasoningTokens: Math.min(whole.reasoningTokens, outputTokens) };
}
