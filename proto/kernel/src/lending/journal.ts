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
  const leases = new Map<string, Lease>();
  const sums = { limit: 0n, ended: 0n, unreserved: 0n, returning: 0n };
  for (const { lease: id, entry } of entries) {
    const lease = leases.get(id) ?? newLease;
    const uses = (settled: bigint): void => {
      if (kind === "window") sums.returning += settled - lease.settled;
    };
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
        uses(entry.settled);
        leases.set(id, { ...lease, settled: entry.settled, open: entry.open, unspent: entry.unspent });
        break;
      case "granted":
        leases.set(id, { ...lease, unspent: lease.unspent + entry.amount });
        break;
      case "closed":
        uses(entry.spent);
        if (kind === "money") sums.ended += entry.spent;
        leases.delete(id);
        break;
      default:
        assertNever(entry);
    }
  }
  let counted = 0n;
  let settled = 0n;
  for (const lease of leases.values()) {
    counted += countsFor(kind, lease);
    if (kind === "money") settled += lease.settled;
  }
  return { ...sums, counted, settled };
}

export function balancesOf(account: Account): Balances {
  const { limit, ended, unreserved, counted, settled } = account;
  return {
    ...{ limit, ended, unreserved, counted, settled },
    returning: account.returning.reduce((sum, { amount }) => sum + amount, 0n),
  };
}
