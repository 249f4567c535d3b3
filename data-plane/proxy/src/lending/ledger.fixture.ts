// A ledger in the process of a spec, with one account, which the kernel's own functions keep; and desks that are lent of it, whose
// answers come a moment later, as from another process. There are no rows, no locks and no proxy in between.

import {
  exchange,
  newLease,
  openAccount,
  setLimit,
  type Account,
  type Lease as LeaseRow,
} from "@tollgate/kernel/lending/account";
import { createDesk, type Desk, type LendingAnswers, type LendingBatch } from "./desk.ts";
import type { WireAnswer } from "./wire.ts";

export const clocks = () => ({ monotonicMs: performance.now(), wallMs: Date.now() });

export class FakeLedger {
  account: Account;
  readonly leases = new Map<string, LeaseRow>();
  isAway = false;
  constructor(kind: Account["kind"], limit: bigint, windowMs = 0) {
    this.account = setLimit(openAccount(kind, 0n, windowMs), limit).account;
  }
  answer(name: string, { batch, statements }: LendingBatch): LendingAnswers {
    if (this.isAway) return { batch, incarnation: 0n, answers: undefined };
    const answers = statements.map((statement): WireAnswer => {
      const {
        epoch = 0n,
        lease = 0,
        revision = 0n,
        settled = 0n,
        open = 0n,
        unspent = 0n,
        draws = 0,
        isClosed = false,
      } = statement;
      const draw = statement.draw && {
        number: statement.draw.number ?? 0,
        asked: statement.draw.asked ?? 0n,
        wanted: statement.draw.wanted ?? 0n,
      };
      const said = { revision, settled, open, unspent, draws, draw, isClosed };
      const key = `${name}/${lease}`;
      const done = exchange(this.account, this.leases.get(key) ?? newLease, said, {
        nowMs: Date.now(),
        isFrozen: false,
      });
      this.account = done.account;
      this.leases.set(key, done.lease);
      const { grant, keepAtMost } = done.answer;
      const news = { limit: this.account.limit, settled: this.account.settled, counted: this.account.counted };
      return {
        epoch,
        lease,
        account: "a",
        revision: done.lease.isClosed ? revision : done.answer.revision,
        grant,
        keepAtMost,
        msLeft: undefined,
        isOver: done.lease.isClosed,
        isFrozen: false,
        ...news,
        roomInMs: done.roomInMs,
      };
    });
    return { batch, incarnation: 1n, answers };
  }
}

type Watching = { readonly keep?: () => void; readonly onSaid?: (batch: LendingBatch) => void };

export function deskOf(
  ledger: FakeLedger,
  name: string,
  epoch: bigint,
  { keep = () => undefined, onSaid = () => undefined }: Watching = {},
): Desk {
  const desk: Desk = createDesk({
    ...{ epoch, clocks, autonomyMs: 3_600_000, keep },
    send: (batch) => {
      onSaid(batch);
      setTimeout(() => desk.answered(ledger.answer(name, batch)), 2);
    },
  });
  return desk;
}
