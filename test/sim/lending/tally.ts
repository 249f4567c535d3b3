// What calls hold and use and what their providers bill, summed by account, as they are and not as anybody says; and what was
// used of a window. The laws compare it with the ledger's books.

import { costAt, type Call } from "./call.ts";
import type { Sums } from "./laws.ts";

type Use = { readonly account: string; readonly atMs: number; readonly amount: bigint };

export class Tally {
  readonly sums = new Map<string, Sums>();
  private readonly uses: Use[] = [];

  /** How much was used in the window that ends with it. */
  use(account: string, atMs: number, amount: bigint, windowMs: number): bigint {
    this.uses.push({ account, atMs, amount });
    const within = this.uses.filter((use) => use.account === account && use.atMs > atMs - windowMs);
    return within.reduce((sum, use) => sum + use.amount, 0n);
  }

  /** `used`: it is over. Answers what is wrong with what it holds. */
  count(call: Call, used?: readonly bigint[]): string | undefined {
    const bill = used === undefined ? costAt(call, call.written) : call.bill;
    for (const [index, { lease, covers, held }] of (call.hold?.parts ?? []).entries()) {
      const claim = (call.claims[index] ??= { account: lease.account, amount: 0n });
      const sums = this.sumsOf(claim.account);
      const amount = used?.[index] ?? held;
      sums.claims += amount - claim.amount;
      claim.amount = amount;
      if (covers === undefined) sums.bills += bill - call.billed;
    }
    call.billed = bill;
    return used === undefined ? wrongIn(call, bill) : undefined;
  }

  private sumsOf(account: string): Sums {
    const known = this.sums.get(account);
    if (known !== undefined) return known;
    const made = { claims: 0n, bills: 0n };
    this.sums.set(account, made);
    return made;
  }
}

function wrongIn(call: Call, bill: bigint): string | undefined {
  for (const { kind, has, call: terms } of call.charges) {
    if (kind === "units") continue;
    if (has.held + has.exposed < bill)
      return `holds: call ${call.id} holds ${has.held} and ${has.exposed}, and has cost ${bill}`;
    if (kind === "running" && has.exposed > 0n && has.held < costAt(call, call.seen + terms.marginTokens))
      return `holds: call ${call.id} holds ${has.held} where ${call.seen} tokens were seen`;
  }
  return undefined;
}
