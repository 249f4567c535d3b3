// The balances of an account, worked out anew from the entries of its journal alone. It knows how amounts add up and nothing of
// who may be lent what, so that a mistake there, or a lost write, shows as a difference.

import { countsFor, newLease, type Account, type AccountKind, type Entry, type Lease } from "./account.ts";
import { assertNever } from "../decider.ts";

/** `lease`: empty where the entry is of the account as a whole. */
export type JournalEntry = { readonly lease: string; readonly entry: Entry };

export type Balances = Pick<Account, "limit" | "ended" | "unreserved" | "counted" | "settled"> & {
  readonly returning: bigint;
};

export function replay(kind: AccountKind, entries: Iterable<JournalEntry>): Balances {
  const replayed = new Replay(kind);
  for (const entry of entries) replayed.add(entry);
  return replayed.balances();
}

/** Taken in one by one, in their order; it keeps no more than the leases that are open. */
export class Replay {
  private readonly kind: AccountKind;
  private readonly leases = new Map<string, Lease>();
  private readonly sums = { limit: 0n, ended: 0n, unreserved: 0n, returning: 0n };

  constructor(kind: AccountKind) {
    this.kind = kind;
  }

  add({ lease: id, entry }: JournalEntry): void {
    const { kind, leases, sums } = this;
    const lease = leases.get(id) ?? newLease;
    switch (entry.what) {
      case "limited":
        sums.limit = entry.limit;
        break;
      case "unreserved":
        sums.unreserved += entry.amount;
        break;
      case "presumed":
        if (kind === "window") sums.returning += entry.amount;
        else sums.ended += entry.amount;
        break;
      case "returned":
        sums.returning -= entry.amount;
        break;
      case "stated":
        this.use(lease, entry.settled);
        leases.set(id, { ...lease, settled: entry.settled, open: entry.open, unspent: entry.unspent });
        break;
      case "granted":
        leases.set(id, { ...lease, unspent: lease.unspent + entry.amount });
        break;
      case "closed":
        this.use(lease, entry.spent);
        if (kind === "money") sums.ended += entry.spent;
        leases.delete(id);
        break;
      default:
        assertNever(entry);
    }
  }

  private use(lease: Lease, settled: bigint): void {
    if (this.kind === "window") this.sums.returning += settled - lease.settled;
  }

  balances(): Balances {
    let counted = 0n;
    let settled = 0n;
    for (const lease of this.leases.values()) {
      counted += countsFor(this.kind, lease);
      if (this.kind === "money") settled += lease.settled;
    }
    return { ...this.sums, counted, settled };
  }
}

export function balancesOf(account: Account): Balances {
  const { limit, ended, unreserved, counted, settled } = account;
  return {
    ...{ limit, ended, unreserved, counted, settled },
    returning: account.returning.reduce((sum, { amount }) => sum + amount, 0n),
  };
}
