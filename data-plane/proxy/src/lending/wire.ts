// Statements and answers between the kernel's books, the messages of the workers, and the wire's. Between processes they are plain
// values, which travel by structured clone.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Statement } from "@tollgate/kernel/lending/account";
import type { Lease, LeaseAnswer } from "@tollgate/kernel/lending/lease";
import { Shortage, type LeaseAnswer as LeaseAnswerMessage, type LeaseStatementSchema } from "@tollgate/schema/ledger";

export type WireStatement = MessageInitShape<typeof LeaseStatementSchema>;

export type WireAnswer = {
  readonly epoch: bigint;
  readonly lease: number;
  readonly account: string;
  readonly revision: bigint;
  readonly grant:
    { readonly number: number; readonly amount: bigint; readonly shortage: "held" | "spent" | undefined } | undefined;
  readonly msLeft: number | undefined;
  readonly keepAtMost: bigint | undefined;
  readonly isOver: boolean;
  readonly isFrozen: boolean;
  readonly limit: bigint;
  readonly settled: bigint;
  readonly counted: bigint;
  readonly roomInMs?: number | undefined;
};

export function statementToWire(
  epoch: bigint,
  { number, subject, account }: Lease,
  statement: Statement,
): WireStatement {
  const { draw, ...said } = statement;
  return { epoch, lease: number, subject, account, ...said, ...(draw === undefined ? {} : { draw }) };
}

export function answerFromMessage(message: LeaseAnswerMessage, isFrozen: boolean): WireAnswer {
  const { epoch, lease, account, revision, grant, msLeft, keepAtMost, isOver, limit, settled, counted } = message;
  const roomInMs = message.roomInMs === undefined ? undefined : Number(message.roomInMs);
  return {
    ...{ epoch, lease, account, revision, keepAtMost, isOver, isFrozen, limit, settled, counted, roomInMs },
    grant: grant && { number: grant.number, amount: grant.amount, shortage: shortages[grant.shortage] },
    msLeft: msLeft === undefined ? undefined : Number(msLeft),
  };
}

const shortages: Readonly<Record<Shortage, "held" | "spent" | undefined>> = {
  [Shortage.UNSPECIFIED]: undefined,
  [Shortage.HELD]: "held",
  [Shortage.SPENT]: "spent",
  [Shortage.NONE]: "spent",
};

/** `heardMs`: when it came, by the even clock: who comes again at the time that it names must not be too early. */
export function answerFromWire(answer: WireAnswer, heardMs: number): LeaseAnswer {
  const { account, revision, grant, keepAtMost, msLeft, isOver, isFrozen, limit, settled, counted, roomInMs } = answer;
  const roomAtMs = roomInMs === undefined ? undefined : heardMs + roomInMs;
  return {
    account,
    revision,
    grant,
    keepAtMost,
    msLeft,
    isOver,
    isFrozen,
    news: { limit, settled, counted, roomAtMs },
  };
}
