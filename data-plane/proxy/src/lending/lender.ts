// Between the workers' desks and the ledger, in the primary: what the workers have to say goes out together, one exchange at a
// time, and each is told what was answered to him. It also stands in for workers that are gone: what their leases stood at is on
// disk, and where that is all that they served, their leases are closed by it. Of a directory that came here from another
// machine, or as a copy, it says nothing: whoever had it may still spend.

import { create } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { ExchangeRequestSchema, LeaseStatementSchema, type Ledger } from "@tollgate/schema/ledger";
import { lastTotals } from "../facts/totals.ts";
import type { ServiceClient } from "../grpc.ts";
import type { LendingAnswers, LendingBatch } from "./desk.ts";
import { answerFromMessage, type WireStatement } from "./wire.ts";

export type LenderParts = {
  readonly ledger: ServiceClient<typeof Ledger>;
  readonly spoolDirectory: string;
  /** Those that a worker of this boot writes in. */
  readonly liveEpochs: () => ReadonlySet<bigint>;
  /** Whether the directory is the one that the former boot had, on the same machine since it was started. */
  readonly standsIn: boolean;
  readonly answer: (epoch: bigint, answers: LendingAnswers) => void;
  /** Once for as long as the ledger cannot be reached. */
  readonly onProblem: (error: unknown) => void;
};

export type Lender = {
  say(epoch: bigint, batch: LendingBatch): void;
  /** A worker is gone, or the control plane is there again: looks for what is still lent to who is not. */
  look(): void;
  /** Whether an epoch's last totals have yet to be told. */
  isHeld(epoch: bigint): boolean;
  close(): void;
};

const lookAgainMs = 1_000;

export function createLender(parts: LenderParts): Lender {
  const { ledger, onProblem } = parts;
  const waiting = new Map<bigint, LendingBatch>();
  /** Of the live epochs, in which incarnation they have said everything. */
  const complete = new Map<bigint, bigint>();
  /** Epochs of this boot: it has seen their workers end. */
  const knownHere = new Set<bigint>();
  /** The live epochs when all that others were lent was looked for last. */
  let liveWhenTold: ReadonlySet<bigint> | undefined;
  let incarnation = 0n;
  let closedFormerIn: bigint | undefined;
  let isUnderWay = false;
  let isFailing = false;
  let isClosed = false;
  let again: NodeJS.Timeout | undefined;

  function say(epoch: bigint, batch: LendingBatch): void {
    waiting.set(epoch, batch);
    if (batch.isComplete) complete.set(epoch, batch.incarnation);
    void exchange();
  }

  async function exchange(): Promise<void> {
    if (isUnderWay || isClosed || waiting.size === 0) return;
    isUnderWay = true;
    const batches = [...waiting];
    waiting.clear();
    try {
      const statements = batches.flatMap(([, { statements }]) => [...statements]);
      const reply = await ledger.exchange(request(statements));
      isFailing = false;
      if (reply.incarnation > incarnation) {
        incarnation = reply.incarnation;
        look();
      }
      const answers = reply.answers.map((answer) => answerFromMessage(answer, reply.isFrozen));
      for (const [epoch, { batch }] of batches)
        parts.answer(epoch, {
          ...{ batch, incarnation: reply.incarnation },
          answers: answers.filter((answer) => answer.epoch === epoch),
        });
    } catch (error) {
      if (!isFailing) onProblem(error);
      isFailing = true;
      for (const [epoch, { batch }] of batches) parts.answer(epoch, { batch, incarnation, answers: undefined });
    } finally {
      isUnderWay = false;
    }
    void exchange();
  }

  function request(statements: readonly WireStatement[]) {
    const live = [...parts.liveEpochs()];
    const isComplete = closedFormerIn === incarnation && live.every((epoch) => complete.get(epoch) === incarnation);
    return create(ExchangeRequestSchema, {
      incarnation,
      isComplete,
      statements: statements.map((statement) => create(LeaseStatementSchema, statement)),
    });
  }

  function look(): void {
    clearTimeout(again);
    if (isClosed) return;
    // Nobody waits for it; a line that is down is told of by those who do.
    const live = new Set(parts.liveEpochs());
    closeFormer(live).catch((error: unknown) => {
      // A control plane from before the ledger has lent nothing that could be told.
      if (codeOf(error) === status.UNIMPLEMENTED) liveWhenTold = live;
      again = setTimeout(look, lookAgainMs);
      again.unref();
    });
  }

  async function closeFormer(live: ReadonlySet<bigint>): Promise<void> {
    const held = await ledger.held({});
    const statements = held.leases.flatMap(
      ({ epoch, lease, subject, account, revision, settled, open }): WireStatement[] => {
        if (live.has(epoch)) return [];
        const totals = parts.standsIn || knownHere.has(epoch) ? lastTotals(parts.spoolDirectory, epoch) : undefined;
        if (totals === undefined) return [];
        // It never held anything where nothing is written of it; what the ledger heard is no less.
        const last = totals.get(lease) ?? { settled, open };
        return [{ epoch, lease, subject, account, revision, isOfFormer: true, settled: last.settled, open: last.open }];
      },
    );
    if (statements.length > 0) await ledger.exchange(request(statements));
    closedFormerIn = held.incarnation;
    if (held.incarnation > incarnation) ({ incarnation } = held);
    liveWhenTold = live;
  }

  return {
    say(epoch, batch) {
      knownHere.add(epoch);
      say(epoch, batch);
    },
    look,
    isHeld: (epoch) => liveWhenTold === undefined || liveWhenTold.has(epoch),
    close() {
      isClosed = true;
      clearTimeout(again);
    },
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
