// What a call cost beyond all that was lent stays exposed until the ledger has found room for it. A ledger that comes back from a backup
// takes for spent what nobody states, up to the limit: were that taken for room, the same exposure would be lent twice.

import { expect, test } from "vitest";
import { LeaseBook } from "./lease-book.ts";
import type { Lease } from "./lease.ts";

const now = { monotonicMs: 0, wallMs: 0 };
const limit = 109n;

/** A call that held 42 and exposed 40, and cost 82. */
function overspent() {
  const book = new LeaseBook(1_000);
  const asks = [
    { subject: "budget/b", kind: "money", amount: 42n },
    { subject: "exposure/b", kind: "money", amount: 40n, covers: "budget/b" },
  ] as const;
  book.lookedAt(asks, now);
  for (const { lease, lacking } of book.lacking(asks, now)) lease.lacks(lacking, lacking);
  hear(book, { counted: 0n });
  const hold = book.hold(asks, now);
  if (!("parts" in hold)) throw new Error("nothing was lent");
  book.settle(hold, [82n, 0n]);
  return { book, exposure: leaseOf(book, "exposure/b") };
}

/** All that is due is answered, and what was asked for is lent. */
function hear(book: LeaseBook, { counted, isFrozen = false }: { counted: bigint; isFrozen?: boolean }): void {
  for (const { lease, statement } of book.due(now)) {
    const { revision, draw } = statement;
    const grant = draw && !isFrozen ? { number: draw.number, amount: draw.asked, shortage: undefined } : undefined;
    const news = { limit, settled: 0n, counted };
    const answer = { revision, grant, keepAtMost: undefined, account: `${lease.subject}/1`, msLeft: undefined };
    book.answered(lease.number, { ...answer, isOver: false, isFrozen, news }, now);
  }
}

function leaseOf(book: LeaseBook, subject: string): Pick<Lease, "open" | "settled"> {
  const lease = book.lease(subject);
  if (lease === undefined) throw new Error(`there is no lease of ${subject}`);
  return lease;
}

const amounts = ({ open, settled }: Pick<Lease, "open" | "settled">) => ({ open, settled });

test("comes back when there is room, and not before", () => {
  const { book, exposure } = overspent();
  expect(amounts(exposure)).toEqual({ open: 40n, settled: 0n });
  hear(book, { counted: limit + 1n });
  expect(amounts(exposure)).toEqual({ open: 40n, settled: 0n });
  hear(book, { counted: limit });
  expect(amounts(exposure)).toEqual({ open: 0n, settled: 0n });
});

test("is spent where it came about before a ledger from a backup knew what it had lent", () => {
  const { book, exposure } = overspent();
  hear(book, { counted: 82n, isFrozen: true });
  expect(amounts(exposure)).toEqual({ open: 40n, settled: 0n });
  hear(book, { counted: limit });
  expect(amounts(exposure)).toEqual({ open: 0n, settled: 40n });
});
